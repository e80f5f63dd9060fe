import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MemoryUsage } from '../../src/cache/memory.js';

/** Asks every few milliseconds, for what is next, until it is stopped, and fails on the first answer that is not a product. */
export function keepReading(next: () => string, slowestMs: number): { stop(): void; done: Promise<{ answers: number; longestMs: number }> } {
  let isOver = false;
  async function read() {
    let answers = 0;
    let longestMs = 0;
    while (!isOver) {
      const began = performance.now();
      const answer = await fetch(next(), { signal: AbortSignal.timeout(slowestMs) });
      assert.equal(answer.status, 200, await answer.text());
      longestMs = Math.max(longestMs, performance.now() - began);
      answers += 1;
      await sleep(5);
    }
    return { answers, longestMs };
  }
  const done = read();
  // Awaited after the import, which may fail first.
  done.catch(() => {});
  return {
    done,
    stop: () => {
      isOver = true;
    },
  };
}

/** Uploads a Shopify file and waits for its import to be done. Gives the counts of its report. */
export async function importOver(url: string, file: string, key: string): Promise<{ created: number; unchanged: number }> {
  const authorization = `Bearer ${key}`;
  const upload = request(`${url}/v1/admin/imports?format=shopify&currency=USD`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'text/csv' },
  });
  createReadStream(file).pipe(upload);
  const [answer] = await once(upload, 'response');
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  assert.equal(answer.statusCode, 202, text);
  const { id } = JSON.parse(text) as { id: string };
  for (const deadline = Date.now() + 600_000; Date.now() < deadline; await sleep(250)) {
    const told = await fetch(`${url}/v1/admin/imports/${id}`, { headers: { authorization } });
    const job = (await told.json()) as {
      state: string;
      detail?: string;
      report: { products: { created: number; unchanged: number } };
    };
    // On a machine that is busy Postgres may take longer than a question is given: that says nothing of the import.
    if (told.status === 503 || job.state === 'queued' || job.state === 'running') continue;
    assert.equal(job.state, 'done', job.detail);
    return job.report.products;
  }
  throw new Error('The import did not end');
}

/** Looks at every product once and once more, as many customers do, and gives what the first tier holds then. */
export async function browse(url: string, slugs: readonly string[], key: string): Promise<MemoryUsage> {
  const line = [...slugs, ...slugs].values();
  const customer = async () => {
    for (const slug of line) {
      const answer = await fetch(`${url}/v1/products/${slug}`);
      assert.equal(answer.status, 200, await answer.text());
    }
  };
  await Promise.all(Array.from({ length: 16 }, customer));
  const answer = await fetch(`${url}/v1/admin/cache`, { headers: { authorization: `Bearer ${key}` } });
  return ((await answer.json()) as { memory: MemoryUsage }).memory;
}
