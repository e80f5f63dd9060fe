import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../harness/database.js';
import { type Connection, createConnection, requestText } from '../truth/http-connection.js';
import { type Instance, startInstance } from './instance.js';
import { politely, ready, setPrice, stock, untilHit } from './shopper.js';

const connections = 600;
const answerWithinMs = 10_000;

describe('a storm of connections', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let server: Instance;
  const open: Connection[] = [];

  beforeAll(async () => {
    database = await createDatabase();
    server = await startInstance(database.url, { DATABASE_POOL: '4' });
  });
  afterAll(async () => {
    for (const connection of open) connection.close();
    server.kill();
    await server.ended;
    await database.drop();
  });

  /** As many clients as there are connections ask at once; each keeps its connection. */
  const storm = (path: (client: number) => string) =>
    Promise.all(
      Array.from({ length: connections }, (_, client) => {
        const connection = createConnection(server.port);
        open.push(connection);
        return connection.send(requestText('GET', path(client)), answerWithinMs);
      }),
    );

  it('is answered whole where memory has the answer, and stands in the way of no price change', async () => {
    const [product] = await stock(server, 'hot', 1);
    await untilHit(server, 'hot-1');
    const [answers, change] = await Promise.all([storm(() => '/v1/products/hot-1'), setPrice(server, product?.variantId as string, 4242)]);
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(change.status).toBe(200);
  });

  it('is answered whole, or told when to come back, where nobody has read anything before', async () => {
    const other = await startInstance(database.url);
    const products = await stock(other, 'cold', 40);
    other.terminate();
    await other.ended;
    const answers = await storm((client) =>
      client % 3 === 0 ? `/v1/products?limit=${1 + (client % 90)}` : `/v1/products/cold-${1 + (client % 40)}`,
    );
    for (const { status, header } of answers) if (status !== 200) expect({ status, retryAfter: header('retry-after') }).toEqual(politely);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    await untilHit(server, products[0]?.slug as string);
    expect((await ready(server)).status).toBe(200);
    expect(server.isRunning()).toBe(true);
  });
});
