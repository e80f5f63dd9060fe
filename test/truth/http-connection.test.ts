import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../harness/free-port.js';
import { createConnection, NoAnswer, requestText } from './http-connection.js';

const closing: (() => unknown)[] = [];
afterEach(() => {
  for (const step of closing.splice(0).reverse()) step();
});

/** A server that answers the n-th request of the run with the n-th list of pieces, each sent by itself; null ends the connection. */
async function openServer(...answers: (string[] | null)[]): Promise<{ port: number; requests: string[]; connections: () => number }> {
  const requests: string[] = [];
  let connections = 0;
  const server = net.createServer((socket) => {
    connections += 1;
    closing.push(() => socket.destroy());
    socket.on('error', () => {});
    socket.setNoDelay();
    socket.on('data', async (bytes) => {
      requests.push(bytes.toString());
      const pieces = answers.shift();
      if (pieces === null) socket.destroy();
      for (const piece of pieces ?? []) await new Promise<void>((resolve) => socket.write(piece, () => setImmediate(resolve)));
    });
  });
  closing.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as net.AddressInfo).port, requests, connections: () => connections };
}

function open(port: number) {
  const connection = createConnection(port);
  closing.push(connection.close);
  return connection;
}

const reasonOf = (error: unknown) => (error instanceof NoAnswer ? error.reason : error);

describe('a connection of the run', () => {
  it('reads answers one after the other, in whatever pieces they come', async () => {
    const server = await openServer(
      ['HTTP/1.1 200 OK\r\nETag: "1.1"\r\nContent-Le', 'ngth: 9\r\n\r\n{"a"', ':"x"}'],
      ['HTTP/1.1 304 Not Modified\r\nEtag: "1.1"\r\n\r\n'],
    );
    const connection = open(server.port);
    const first = await connection.send(requestText('GET', '/a'), 2_000);
    expect([first.status, first.header('etag'), first.body]).toEqual([200, '"1.1"', '{"a":"x"}']);
    const second = await connection.send(requestText('GET', '/b'), 2_000);
    expect([second.status, second.header('retry-after'), second.body]).toEqual([304, undefined, '']);
    expect(server.connections()).toBe(1);
  });

  it('sends a body with its length in bytes', async () => {
    const server = await openServer(['HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n']);
    await open(server.port).send(requestText('POST', '/a', { x: 'y' }, { name: 'é' }), 2_000);
    expect(server.requests[0]).toBe(
      'POST /a HTTP/1.1\r\nhost: 127.0.0.1\r\nx: y\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{"name":"é"}',
    );
  });

  it('says why there is no answer, and connects anew for the next', async () => {
    const server = await openServer(null, [], ['HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok']);
    const connection = open(server.port);
    expect(await connection.send(requestText('GET', '/broken'), 2_000).catch(reasonOf)).toBe('broken');
    expect(await connection.send(requestText('GET', '/silent'), 100).catch(reasonOf)).toBe('timeout');
    expect((await connection.send(requestText('GET', '/well'), 2_000)).body).toBe('ok');
    expect(server.connections()).toBe(3);
    expect(
      await open(await freePort())
        .send(requestText('GET', '/nobody'), 2_000)
        .catch(reasonOf),
    ).toBe('refused');
  });

  it('leaves a connection that the server closes after its answer', async () => {
    const ok = 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';
    const server = await openServer([ok], [ok]);
    const connection = open(server.port);
    await connection.send(requestText('GET', '/a'), 2_000);
    await connection.send(requestText('GET', '/b'), 2_000);
    expect(server.connections()).toBe(2);
  });
});
