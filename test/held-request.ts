import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The state that /health/ready tells; `refused` where nobody answers any more. */
export async function readiness(url: string): Promise<{ status: string; redis?: string }> {
  try {
    return (await (await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(5_000) })).json()) as { status: string; redis?: string };
  } catch {
    return { status: 'refused' };
  }
}

/** Asks again and again for 15 seconds, until the answer is the one waited for. */
export async function until<T>(ask: () => Promise<T>, isIt: (answer: T) => boolean): Promise<T> {
  for (const deadline = Date.now() + 15_000; Date.now() < deadline; await sleep(20)) {
    const answer = await ask();
    if (isIt(answer)) return answer;
  }
  throw new Error('it did not come about in 15 s');
}

/** A quote whose body is held back: in flight until `finish` sends the rest and gives what came back. */
export async function holdRequest(url: string): Promise<{ finish(): Promise<string>; drop(): void; closed: Promise<void> }> {
  const body = JSON.stringify({ currency: 'USD', lines: [{ variantId: '0198c000-0000-7000-8000-000000000000', quantity: 1 }] });
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text;
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const head = `POST /v1/quotes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  await new Promise<void>((resolve) => socket.write(head + body.slice(0, 10), () => resolve()));
  // The server has the head by the time it answers a question that was asked after it.
  await readiness(url);
  return {
    closed,
    async finish() {
      socket.write(body.slice(10));
      await closed;
      return received;
    },
    drop: () => socket.destroy(),
  };
}
