import { readFileSync } from 'node:fs';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { ImportJob } from '../../src/catalog/import.js';
import { asAdmin } from '../harness/service.js';
import { rawRequest } from '../plugins/raw-request.js';
import { importCsv } from './import-csv.js';
import { openShop } from './open-shop.js';

const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
const none = { created: 0, updated: 0, unchanged: 0, failed: 0 };
const dry = 'format=shopify&currency=USD&dryRun=true';

describe('POST /v1/admin/imports', () => {
  const shop = openShop();
  const post = (query: string, body: string, type = 'text/csv') =>
    shop.http.post(`/v1/admin/imports?${query}`).set(asAdmin).set('content-type', type).send(body);

  it('answers 202 with the job, which tells its counts when it is done', async () => {
    const answer = await post('format=shopify&currency=USD', 'Handle,Title,Variant Price\nmug,Mug,9.50\n').expect(202);
    expect(answer.body).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(answer.headers).toMatchObject({ location: `/v1/admin/imports/${answer.body.id}`, 'cache-control': 'private, no-cache' });
    const job = await importCsv(shop, fixture('shopify/plain-export.csv'));
    expect(ImportJob.parse(job)).toEqual(job);
    expect(job).toMatchObject({
      state: 'done',
      format: 'shopify',
      currency: 'USD',
      dryRun: false,
      detail: null,
      report: { products: { ...none, created: 3 }, variants: 5, images: 2, errors: [] },
    });
    expect(job.finishedAt && job.finishedAt >= job.createdAt).toBe(true);
    const { body } = await shop.http.get('/v1/products/ferry-tee').expect(200);
    expect(body).toMatchObject({ status: 'active', priceRange: { min: { amount: 2500 }, max: { amount: 2700 } }, version: 1 });
  });

  it('tells what is done so far while it runs', async () => {
    const file = (price: string) =>
      `Handle,Title,Variant Price\n${Array.from({ length: 250 }, (_, i) => `part-${i},Part ${i},${price}`).join('\n')}\n`;
    await importCsv(shop, file('1'));
    // One product of the second group of 200 is held, so that the import cannot go on.
    const rival = new pg.Client({ connectionString: shop.databaseUrl });
    await rival.connect();
    await rival.query(`BEGIN; SELECT FROM product WHERE slug = 'part-240' FOR UPDATE`);
    const { body } = await post('format=shopify&currency=USD', file('2')).expect(202);
    const job = async () => (await shop.http.get(`/v1/admin/imports/${body.id}`).set(asAdmin).expect(200)).body;
    await expect.poll(job, { timeout: 10_000 }).toMatchObject({ state: 'running', report: { products: { ...none, updated: 200 }, variants: 200 } });
    await rival.query('ROLLBACK');
    await rival.end();
    await expect.poll(job, { timeout: 10_000 }).toMatchObject({ state: 'done', report: { products: { ...none, updated: 250 } } });
  });

  it('changes nothing the second time', async () => {
    const job = await importCsv(shop, fixture('shopify/plain-export.csv'));
    expect(job.report).toEqual({ products: { ...none, unchanged: 3 }, variants: 5, images: 2, errors: [] });
    expect((await shop.http.get('/v1/products/ferry-tee').expect(200)).body.version).toBe(1);
  });

  it('shows what changed to the next read, in listings too', async () => {
    await importCsv(shop, 'Handle,Title,Tags,Variant Price\ncup,Cup,imported,9.50\n');
    await shop.http.get('/v1/products?tag=imported').expect(200);
    const job = await importCsv(shop, 'Handle,Title,Tags,Variant Price\ncup,Cup,imported,8\nsaucer,Saucer,imported,1\n');
    expect(job.report?.products).toEqual({ ...none, created: 1, updated: 1 });
    const { body } = await shop.http.get('/v1/products?tag=imported&sort=price').expect(200);
    expect(body.data).toMatchObject([{ slug: 'saucer' }, { slug: 'cup', price: { amount: 800 }, version: 2 }]);
  });

  it('counts without writing on a dry run', async () => {
    const job = await importCsv(shop, 'Handle,Title,Variant Price\nmug,Mug,7\nghost,Ghost,1\n', dry);
    expect(job).toMatchObject({ state: 'done', dryRun: true, report: { products: { ...none, created: 1, updated: 1 } } });
    await shop.http.get('/v1/products/ghost').expect(404);
    expect((await shop.http.get('/v1/products/mug').expect(200)).body.priceRange.min.amount).toBe(950);
  });

  it('leaves out a broken product and says where it is broken', async () => {
    const job = await importCsv(shop, fixture('shopify/faulty-products.csv'));
    expect(job.state).toBe('done');
    expect(job.report?.products.created).toBeGreaterThan(1);
    expect(job.report?.products.failed).toBeGreaterThan(10);
    expect(job.report?.errors).toContainEqual({ line: 4, column: 'Variant Price', code: 'bad_price', message: expect.any(String) });
    await shop.http.get('/v1/products/sound').expect(200);
    await shop.http.get('/v1/products/bad-price').expect(404);
  });

  it.each([
    ['ragged.csv', 4, 'ragged_row'],
    ['backslash-quotes.csv', 3, 'broken_quoting'],
    ['latin1-without-header.csv', 2, 'not_utf8'],
  ])('refuses %s as a whole, with the line', async (name, line, code) => {
    const job = await importCsv(shop, fixture(`shopify/${name}`));
    expect(job).toMatchObject({
      state: 'refused',
      detail: expect.stringContaining(`line ${line}`),
      report: { products: none, errors: [{ line, code, message: expect.any(String) }] },
    });
    await shop.http.get('/v1/products/a').expect(404);
  });

  it('takes our own export, and files of any length', async () => {
    const ndjson = await importCsv(shop, fixture('ndjson/catalog.ndjson'), 'format=ndjson', 'application/x-ndjson');
    expect(ndjson.state).toBe('done');
    const rows = Array.from({ length: 300 }, (_, i) => `bulk-${i},Bulk ${i},"${'<p>long</p>'.repeat(1000)}",1`);
    const csv = `Handle,Title,Body (HTML),Variant Price\n${rows.join('\n')}\n`;
    expect(csv.length).toBeGreaterThan(3 * 2 ** 20);
    expect((await importCsv(shop, csv, dry)).report?.products).toEqual({ ...none, created: 300 });
  });

  it('refuses a currency nobody has, a format it does not read and parameters it does not know', async () => {
    expect((await post('format=shopify&currency=ZZZ', 'x').expect(422)).body.code).toBe('unknown_currency');
    for (const query of ['format=xlsx', 'dryRun=yes', 'currency=usd', 'foo=1']) await post(query, 'x').expect(400);
    for (const type of ['application/json', 'application/octet-stream'])
      expect((await post(dry, '{}', type).expect(415)).body.code).toBe('unsupported_media');
    await shop.http.post(`/v1/admin/imports?${dry}`).set(asAdmin).expect(415);
  });

  it('refuses a file that says it is too large before it reads it', async () => {
    const answer = await rawRequest(
      shop.service.url,
      `POST /v1/admin/imports HTTP/1.1\r\nhost: x\r\nauthorization: ${asAdmin.authorization}\r\ncontent-type: text/csv\r\ncontent-length: 2000000000\r\n\r\nHandle`,
    );
    expect(answer).toMatchObject({
      status: 413,
      headers: { connection: 'close', 'content-type': 'application/problem+json' },
      body: { code: 'too_large' },
    });
  });

  it('does not know a job that nobody started', async () => {
    const { body } = await shop.http.get('/v1/admin/imports/0198c000-0000-7000-8000-000000000000').set(asAdmin).expect(404);
    expect(body.code).toBe('not_found');
  });
});
