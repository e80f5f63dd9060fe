import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import type { AdminProduct } from '../../src/catalog/product-input.js';
import type { Config } from '../../src/config.js';
import { createDatabase } from '../harness/database.js';
import { seedInto } from '../harness/demo.js';
import { redisUrl } from '../harness/redis.js';
import { asAdmin, type Service, startService } from '../harness/service.js';

export interface Shop {
  readonly databaseUrl: string;
  readonly service: Service;
  readonly http: Service['http'];
  /** A product of this shop, made over HTTP: active, with one variant at 19.99 USD and ten pieces, unless `changes` say otherwise. */
  create(slug: string, changes?: object): Promise<AdminProduct>;
  patch(id: string, changes: object): Promise<AdminProduct>;
}

/** For one describe block: a service over a database of its own, with a Redis that is empty. */
export function openShop({ demo = false, redis = true, config = {} }: { demo?: boolean; redis?: boolean; config?: Partial<Config> } = {}): Shop {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let service: Service;

  beforeAll(async () => {
    if (redis) await flush();
    database = await createDatabase();
    if (demo) await seedInto(database.url);
    service = await startService(database.url, { ...(redis && { redisUrl: redisUrl() }), ...config });
  });
  afterAll(async () => {
    await service?.close();
    await database?.drop();
  });

  async function sent(request: ReturnType<Service['http']['post']>, body: object, status: number): Promise<AdminProduct> {
    const answer = await request.set(asAdmin).send(body);
    if (answer.status !== status) throw new Error(`${answer.status} ${answer.text}`);
    return answer.body;
  }

  return {
    get databaseUrl() {
      return database.url;
    },
    get service() {
      return service;
    },
    get http() {
      return service.http;
    },
    create: (slug, changes = {}) => sent(service.http.post('/v1/admin/products'), { ...plain(slug), ...changes }, 201),
    patch: (id, changes) => sent(service.http.patch(`/v1/admin/products/${id}`), changes, 200),
  };
}

function plain(slug: string) {
  return { slug, title: `Title of ${slug}`, status: 'active', variants: [{ sku: slug, quantity: 10, price: { amount: 1999, currency: 'USD' } }] };
}

/** Databases of one run are copies of one template, so their keys are alike. */
async function flush(): Promise<void> {
  const client = new Redis(redisUrl());
  await client.flushdb();
  client.disconnect();
}
