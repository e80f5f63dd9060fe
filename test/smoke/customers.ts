import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Asks every few milliseconds until it is stopped, and fails on the first answer that is not a product. */
export function keepReading(url: string, slowestMs: number): { stop(): void; done: Promise<{ answers: number; longestMs: number }> } {
  let isOver = false;
  async function read() {
    let answers = 0;
    let longestMs = 0;
    while (!isOver) {
      const began = performance.now();
      const answer = await fetch(url, { signal: AbortSignal.timeout(slowestMs) });
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
export async function importOver(url: string, file: string, key: string): Promise<{ created: number }> {
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
    const job = (await (await fetch(`${url}/v1/admin/imports/${id}`, { headers: { authorization } })).json()) as {
      state: string;
      detail?: string;
      report: { products: { created: number } };
    };
    if (job.state === 'queued' || job.state === 'running') continue;
    assert.equal(job.state, 'done', job.detail);
    return job.report.products;
  }
  throw new Error('The import did not end');
}
