import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, createServer, get, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { startProxy } from './proxy.js';
import { say, untilStatus } from './running.js';

const limit = Number(/limit_conn addresses (\d+);/.exec(readFileSync('deploy/nginx.conf', 'utf8'))?.[1]);

/** What one client can take of the proxy of the local stack, and of the instances through it. */
export async function checkProxyLimits(folder: string): Promise<void> {
  await checkCrowds(folder);
  await checkSlowReaders(folder);
  await checkIdleClients(folder);
}

/** One address that asks for everything at once is kept from the instances. And what the proxy waits for, it does not wait for without end. */
async function checkCrowds(folder: string): Promise<void> {
  const held: string[] = [];
  // An instance that hangs, except where it is asked whether it is ready.
  const instance = createServer((asked, answer) => {
    if (asked.url === '/health/ready') answer.end('ready');
    else held.push(`${asked.method} ${asked.url}`);
  });
  await once(instance.listen(0, '127.0.0.1'), 'listening');
  const { port } = instance.address() as AddressInfo;
  const crowded = await startProxy(folder, [port, port]);
  const impatient = await startProxy(folder, [port, port], [['proxy_read_timeout 30s;', 'proxy_read_timeout 1s;']]);
  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
  try {
    await untilStatus(`${crowded.url}/health/ready`, 200, crowded.running);
    await untilStatus(`${impatient.url}/health/ready`, 200, impatient.running);

    const open = Array.from({ length: limit }, () => get(`${crowded.url}/v1/products`, { agent }).on('error', () => {}));
    for (const deadline = Date.now() + 10_000; held.length < limit; ) {
      assert.ok(Date.now() < deadline, `${held.length} of ${limit} came through`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const refused = await ask(`${crowded.url}/v1/products`, { headers: { 'x-request-id': 'smoke-3' } });
    assert.equal(refused.status, 429);
    assert.equal(refused.headers['content-type'], 'application/problem+json');
    assert.equal(refused.headers['retry-after'], '1');
    assert.equal(refused.problem.code, 'too_many_at_once');
    assert.equal(refused.problem.requestId, 'smoke-3');
    assert.equal(held.length, limit);
    // Another address of this machine is another customer.
    assert.equal((await ask(`${crowded.url}/health/ready`, { localAddress: '127.0.0.2' })).status, 200);
    for (const asked of open) asked.destroy();
    await untilStatus(`${crowded.url}/health/ready`, 200, crowded.running);
    say(`through nginx: ${limit} requests of one address at once, one more gets 429, and another address is served`);

    held.length = 0;
    for (const [method, tries] of [
      ['GET', 2],
      ['PATCH', 1],
    ] as const) {
      const began = performance.now();
      const late = await ask(`${impatient.url}/${method}`, { method });
      assert.equal(late.status, 503);
      assert.equal(late.problem.code, 'no_instance');
      assert.ok(performance.now() - began < 1000 * tries + 900);
      assert.deepEqual(held.splice(0), Array(tries).fill(`${method} /${method}`));
    }
    say('through nginx: an instance that hangs is not waited for longer than said; a read is tried once more, a write never');
  } finally {
    agent.destroy();
    instance.closeAllConnections();
    instance.close();
    for (const { running } of [crowded, impatient]) assert.equal(await running.terminate(), 0);
  }
}

/** A client that asks for much and takes nothing has the instance wait. With files, as nginx would by itself, all of it is on the disk of the proxy. */
async function checkSlowReaders(folder: string): Promise<void> {
  const body = Buffer.alloc(64 * 2 ** 20, 'x');
  const taken = new Set<string>();
  const instance = createServer((asked, answer) => {
    const { url = '' } = asked;
    if (url === '/health/ready') answer.end('ready');
    // The callback comes once the system has taken all of it, which it does only as the other side reads.
    else answer.end(body, () => taken.add(url));
  });
  await once(instance.listen(0, '127.0.0.1'), 'listening');
  const { port } = instance.address() as AddressInfo;
  const proxy = await startProxy(folder, [port, port]);
  const hoarder = await startProxy(folder, [port, port], [['proxy_max_temp_file_size 0;', '']]);
  try {
    for (const { url, running } of [proxy, hoarder]) await untilStatus(`${url}/health/ready`, 200, running);
    const [slow, hoarded] = await Promise.all([
      once(get(`${proxy.url}/slow`, { agent: false }), 'response') as Promise<[IncomingMessage]>,
      once(get(`${hoarder.url}/hoarded`, { agent: false }), 'response') as Promise<[IncomingMessage]>,
    ]);
    for (const deadline = Date.now() + 20_000; !taken.has('/hoarded'); await new Promise((resolve) => setTimeout(resolve, 10)))
      assert.ok(Date.now() < deadline, 'nginx keeps nothing in files even where it may');
    hoarded[0].destroy();
    assert.equal(taken.has('/slow'), false, 'the proxy has taken an answer that nobody reads');
    let bytes = 0;
    for await (const chunk of slow[0]) bytes += (chunk as Buffer).length;
    assert.equal(bytes, body.length);
    say('through nginx: an answer that is read slowly waits at the instance and not in a file, and arrives whole');
  } finally {
    instance.closeAllConnections();
    instance.close();
    for (const { running } of [proxy, hoarder]) assert.equal(await running.terminate(), 0);
  }
}

/** Connections that ask for nothing, of an address or of many, are closed to make room for one that does; and the instances see none of them. */
async function checkIdleClients(folder: string): Promise<void> {
  const clients = 200;
  let connections = 0;
  const instance = createServer((_, answer) => answer.end('ready')).on('connection', () => (connections += 1));
  await once(instance.listen(0, '127.0.0.1'), 'listening');
  const { port } = instance.address() as AddressInfo;
  const small = await startProxy(folder, [port, port], [['worker_connections 4096;', 'worker_connections 64;']]);
  try {
    await untilStatus(`${small.url}/health/ready`, 200, small.running);
    const { hostname, port: proxyPort } = new URL(small.url);
    const idle = [];
    for (let i = 0; i < clients; i += 1) {
      const socket = connect(Number(proxyPort), hostname).on('error', () => {});
      idle.push(socket);
      await once(socket, 'connect');
      // Every other one has asked for something before.
      if (i % 2 === 1) continue;
      socket.write('GET / HTTP/1.1\r\nHost: shop\r\n\r\n');
      assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200 /);
    }
    assert.equal((await ask(`${small.url}/v1/products`, {})).status, 200);
    assert.ok(connections < 10, `${connections} connections to an instance`);
    for (const socket of idle) socket.destroy();
    say(`through nginx: ${clients} connections that ask for nothing, where it has 64, keep nobody out, and no instance sees them`);
  } finally {
    instance.closeAllConnections();
    instance.close();
    assert.equal(await small.running.terminate(), 0);
  }
}

async function ask(url: string, options: { method?: string; headers?: Record<string, string>; localAddress?: string }) {
  const asked = request(url, { agent: false, ...options, signal: AbortSignal.timeout(10_000) }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  const problem = (text.startsWith('{') ? JSON.parse(text) : {}) as { code?: string; requestId?: string };
  return { status: answer.statusCode, headers: answer.headers, problem };
}
