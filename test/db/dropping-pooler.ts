import { connect, createServer } from 'node:net';
import { freePort } from '../harness/free-port.js';
import { withPort } from '../truth/ports.js';

/** Stands before Postgres like a PgBouncer with `ignore_startup_parameters = options`: it takes start-up settings and does not pass them on. */
export async function dropSettings(databaseUrl: string): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(databaseUrl).port), '127.0.0.1');
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
    client.once('data', (startup) => {
      upstream.write(withoutOptions(startup as Buffer));
      client.pipe(upstream);
    });
    upstream.pipe(client);
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { url: withPort(databaseUrl, port), close: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** The start-up message (its length, the protocol, names and values that end with a zero, a zero) less one of its settings. */
function withoutOptions(startup: Buffer): Buffer {
  const words = startup.subarray(8, -1).toString().split('\0').slice(0, -1);
  const kept = words.filter((_word, i) => words[i - (i % 2)] !== 'options');
  const body = Buffer.from(`${kept.map((word) => `${word}\0`).join('')}\0`);
  const head = Buffer.from(startup.subarray(0, 8));
  head.writeInt32BE(8 + body.length);
  return Buffer.concat([head, body]);
}
