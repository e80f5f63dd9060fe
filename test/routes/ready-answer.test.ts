import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createReadySender, readyAnswer } from '../../src/routes/ready-answer.js';

const text = JSON.stringify({ title: 'Schreibtischlampe „Nuß“ 灯', description: 'ß'.repeat(20_000) });
const bytes = Buffer.from(text);
const shared = ['cache-control', 'private, no-cache', 'etag', '"7.1"'];
const full = readyAnswer(200, [...shared, 'content-type', 'application/json', 'content-length', String(bytes.length)], bytes.toString('latin1'));
const unchanged = readyAnswer(304, shared);

describe('a ready answer', () => {
  let server: Server;
  let port: number;
  let wallMs: () => number;
  /** What Node rendered, request id by request id; the other answers were put together. */
  let rendered: string[];
  /** Ends the answer to /slow, which is none of ours. */
  let finishSlow: () => void;
  let slowCame: Promise<void>;

  beforeEach(async () => {
    wallMs = Date.now;
    rendered = [];
    const send = createReadySender(() => wallMs());
    let seeSlow = () => {};
    slowCame = new Promise((resolve) => {
      seeSlow = resolve;
    });
    server = createServer((request, response) => {
      if (request.url === '/slow') {
        finishSlow = () => response.end('slow');
        seeSlow();
        return;
      }
      if (request.url === '/other') {
        response.end();
        return;
      }
      const id = String(request.headers['x-request-id']);
      const writeHead = response.writeHead.bind(response) as (...given: unknown[]) => typeof response;
      response.writeHead = (...given: unknown[]) => {
        rendered.push(id);
        return writeHead(...given);
      };
      send(request, response, request.url === '/unchanged' ? unchanged : full, id);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const ask = (path: string, id: string, extra = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}\r\n${extra}\r\n`;

  /** Sends requests down one connection, all at once, and gives what came back when the last has been answered and the server has closed. */
  function exchange(...requests: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(requests.join('')));
      let received = '';
      socket.setEncoding('latin1').on('data', (part: string) => {
        received += part;
      });
      socket.setTimeout(10_000, () => socket.destroy(new Error(`not closed: ${received.slice(-300)}`)));
      socket.on('error', reject).on('close', () => resolve(received));
    });
  }

  /** Two answers on one connection, of which Node rendered the first alone. A second that ends between them is tried again. */
  async function pair(path: string): Promise<[string, string]> {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      rendered = [];
      const received = await exchange(ask(path, `one-${attempt}`), ask(path, `two-${attempt}`), ask('/other', '', 'Connection: close\r\n'));
      if (rendered.includes(`two-${attempt}`)) continue;
      const [first = '', second = ''] = received.split(/(?=HTTP\/1\.1 )/).map((answer) => answer.replace(/(?:one|two)-\d+/, 'ID'));
      return [first, second];
    }
    throw new Error('Node rendered every one of them');
  }

  it('is the same bytes whether Node renders it or it is put together', async () => {
    const [first, second] = await pair('/full');
    expect(second).toBe(first);
    expect(second).toMatch(/^HTTP\/1\.1 200 OK\r\nx-request-id: ID\r\ncache-control: private, no-cache\r\netag: "7\.1"\r\n/);
    expect(second).toMatch(/\r\nDate: [^\r]+ GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n/);
    expect(Buffer.from(second.slice(second.indexOf('\r\n\r\n') + 4), 'latin1').toString()).toBe(text);
  });

  it('has no body and no length where nothing has changed', async () => {
    const [first, second] = await pair('/unchanged');
    expect(second).toBe(first);
    expect(second).toMatch(/^HTTP\/1\.1 304 Not Modified\r\n/);
    expect(second).not.toMatch(/content-length|transfer-encoding/i);
    expect(second).toMatch(/\r\n\r\n$/);
  });

  it('keeps its place behind an answer that takes longer', async () => {
    await pair('/full');
    const received = exchange('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n', ask('/full', 'second'), ask('/unchanged', 'third', 'Connection: close\r\n'));
    await slowCame;
    finishSlow();
    const order = [...(await received).matchAll(/slow|x-request-id: (\w+)/g)].map(([word, id]) => id ?? word);
    expect(order).toEqual(['slow', 'second', 'third']);
  });

  it('closes the connection for those who ask for it', async () => {
    await pair('/full');
    const received = await exchange(ask('/full', 'closing', 'Connection: close\r\n'));
    expect(received).toMatch(/\r\nConnection: close\r\n/);
    expect(rendered).toContain('closing');
  });

  it('speaks to HTTP/1.0 as Node does, with and without keep-alive', async () => {
    await pair('/full');
    const old = (id: string, extra = '') => `GET /full HTTP/1.0\r\nX-Request-Id: ${id}\r\n${extra}\r\n`;
    expect(await exchange(old('old'))).toMatch(/\r\nConnection: close\r\n/);
    const kept = await exchange(old('kept', 'Connection: keep-alive\r\n'), old('ends'));
    expect([...kept.matchAll(/x-request-id: (\w+)/g)].map(([, id]) => id)).toEqual(['kept', 'ends']);
    expect(rendered).toEqual(expect.arrayContaining(['old', 'kept', 'ends']));
  });

  it('lets Node render once the second is over, and for as long as the date of Node is another', async () => {
    await pair('/full');
    wallMs = () => Date.now() + 5_000;
    rendered = [];
    const received = await exchange(ask('/full', 'a'), ask('/full', 'b'), ask('/full', 'c', 'Connection: close\r\n'));
    expect(rendered).toEqual(['a', 'b', 'c']);
    expect(Math.abs(Date.parse(String(/\r\nDate: ([^\r]+)/.exec(received)?.[1])) - Date.now())).toBeLessThan(3_000);
  });

  it('lets Node render where a server limits the requests of a connection', async () => {
    server.maxRequestsPerSocket = 3;
    const received = await exchange(ask('/full', 'a'), ask('/full', 'b'), ask('/full', 'c', 'Connection: close\r\n'));
    expect(rendered).toEqual(['a', 'b', 'c']);
    expect(received.match(/\r\nKeep-Alive: timeout=5, max=3\r\n/g)).toHaveLength(2);
  });
});
