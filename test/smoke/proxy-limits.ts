import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, createServer, get, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startProxy } from './proxy.js';
import { say, untilStatus } from './running.js';

const limit = Number(/limit_conn addresses (\d+);/.exec(readFileSync('deploy/nginx.conf', 'utf8'))?.[1]);

/** What the proxy of the local stack keeps from the instances: one address that asks for everything at once. And what it waits for: not for ever. */
export async function checkProxyLimits(folder: string): Promise<void> {
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

async function ask(url: string, options: { method?: string; headers?: Record<string, string>; localAddress?: string }) {
  const asked = request(url, { agent: false, ...options, signal: AbortSignal.timeout(10_000) }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  const problem = (text.startsWith('{') ? JSON.parse(text) : {}) as { code?: string; requestId?: string };
  return { status: answer.statusCode, headers: answer.headers, problem };
}
