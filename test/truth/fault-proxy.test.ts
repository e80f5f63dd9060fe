import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createFaultProxy, type FaultProxy } from './fault-proxy.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of closing.splice(0).reverse()) await step();
});

/** A server that sends back what it gets, what it got so far, and a proxy before it. */
async function openEcho(): Promise<{ proxy: FaultProxy; got: () => string }> {
  let got = '';
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      got += bytes.toString();
      socket.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy = await createFaultProxy((server.address() as net.AddressInfo).port);
  closing.push(
    () => server.close(),
    () => sockets.forEach((socket) => socket.destroy()),
    () => proxy.close(),
  );
  return { proxy, got: () => got };
}

async function connect(proxy: FaultProxy): Promise<{ socket: net.Socket; text: () => string; ended: Promise<void> }> {
  const socket = net.connect(proxy.port, '127.0.0.1');
  let text = '';
  socket.on('data', (bytes) => (text += bytes.toString()));
  socket.on('error', () => {});
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  closing.push(() => socket.destroy());
  await Promise.race([ended, new Promise<void>((resolve) => socket.once('connect', () => resolve()))]);
  return { socket, text: () => text, ended };
}

describe('the fault proxy', () => {
  it('passes everything by itself, and counts nothing', async () => {
    const { proxy } = await openEcho();
    const { socket, text } = await connect(proxy);
    socket.write('hello');
    await expect.poll(text).toBe('hello');
    expect(proxy.touched()).toBe(0);
    expect(proxy.upstreamPorts()).toHaveLength(1);
  });

  it('swallows both ways in a black hole, and ends what has lost bytes when it closes', async () => {
    const { proxy, got } = await openEcho();
    const { socket, text, ended } = await connect(proxy);
    const other = await connect(proxy);
    proxy.set('black-hole');
    socket.write('lost');
    await expect.poll(() => proxy.touched()).toBe(1);
    proxy.set('pass');
    await ended;
    expect(got() + text()).toBe('');
    other.socket.write('kept');
    await expect.poll(other.text).toBe('kept');
  });

  it('swallows replies alone', async () => {
    const { proxy, got } = await openEcho();
    const { socket, text } = await connect(proxy);
    proxy.set('black-hole-replies');
    socket.write('asked');
    await expect.poll(got).toBe('asked');
    await expect.poll(() => proxy.touched()).toBe(1);
    expect(text()).toBe('');
  });

  it('keeps the order of bytes when lateness ends', async () => {
    const { proxy } = await openEcho();
    const { socket, text } = await connect(proxy);
    proxy.set('slow-replies', 150);
    socket.write('first ');
    await expect.poll(() => proxy.touched()).toBe(1);
    proxy.set('pass');
    socket.write('second');
    await expect.poll(text).toBe('first second');
  });

  it('drips everything in the end', async () => {
    const { proxy } = await openEcho();
    const { socket, text } = await connect(proxy);
    proxy.set('drip');
    const long = 'x'.repeat(200);
    socket.write(long);
    await expect.poll(text).toBe(long);
  });

  it('cuts connections that stand and those to come', async () => {
    const { proxy } = await openEcho();
    const { ended } = await connect(proxy);
    proxy.set('cut');
    await ended;
    const next = await connect(proxy);
    await next.ended;
    proxy.set('pass');
    const again = await connect(proxy);
    again.socket.write('back');
    await expect.poll(again.text).toBe('back');
  });

  it('resets before a COMMIT is passed on', async () => {
    const { proxy, got } = await openEcho();
    const { socket, ended } = await connect(proxy);
    proxy.set('reset-before-commit');
    socket.write('BEGIN READ COMMITTED\0');
    await expect.poll(got).toBe('BEGIN READ COMMITTED\0');
    socket.write('COMMIT\0');
    await ended;
    expect(got()).toBe('BEGIN READ COMMITTED\0');
    expect(proxy.touched()).toBe(1);
  });

  it('resets after a COMMIT was passed on, before the reply', async () => {
    const { proxy, got } = await openEcho();
    const { socket, text, ended } = await connect(proxy);
    proxy.set('reset-after-commit');
    socket.write('COMMIT\0');
    await ended;
    await expect.poll(got).toBe('COMMIT\0');
    expect(text()).toBe('');
  });

  it('passes a COMMIT on and swallows its reply, and hits the next one only', async () => {
    const { proxy, got } = await openEcho();
    const hit = await connect(proxy);
    const spared = await connect(proxy);
    proxy.set('hole-after-commit');
    hit.socket.write('COMMIT\0');
    await expect.poll(got).toBe('COMMIT\0');
    spared.socket.write('COMMIT\0');
    await expect.poll(spared.text).toBe('COMMIT\0');
    expect(hit.text()).toBe('');
  });

  it('leads new connections elsewhere and ends the old', async () => {
    const first = await openEcho();
    const second = await openEcho();
    const { ended } = await connect(first.proxy);
    first.proxy.retarget(second.proxy.port);
    await ended;
    const { socket, text } = await connect(first.proxy);
    socket.write('moved');
    await expect.poll(text).toBe('moved');
    expect(second.got()).toBe('moved');
    expect(first.got()).toBe('');
  });
});
