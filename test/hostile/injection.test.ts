import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asAdmin } from '../harness/service.js';
import { rawRequest } from '../plugins/raw-request.js';
import { openShop } from '../routes/open-shop.js';
import { operationsOf } from '../routes/openapi-document.js';
import { importFile } from './import-file.js';

/** Each would read, delay or change something if it became part of a statement. */
const sql = [
  "' OR '1'='1",
  "'; DROP TABLE product; --",
  "' UNION SELECT null, null --",
  "1'; SELECT pg_sleep(20); --",
  "a') OR 1=1 --",
  '$1',
  "\\'; --",
  '%27%20OR%201=1',
  "E'\\x27'",
  "'||(SELECT version())||'",
  '"; --',
  'a%_\\',
  '/* */ OR /* */ 1=1',
  "' & | ! ( ) :* <->",
];

describe('SQL in a parameter', () => {
  const shop = openShop({ redis: false });
  const client = () => new pg.Client({ connectionString: shop.databaseUrl });
  let db: pg.Client;
  beforeAll(async () => {
    db = client();
    await db.connect();
    await shop.create('only-lamp', { brand: 'Acme', tags: ['new'], categories: [{ slug: 'lamps', title: 'Lamps' }] });
  });
  afterAll(() => db?.end());
  const counts = async () =>
    (await db.query('SELECT (SELECT count(*) FROM product)::int AS products, (SELECT count(*) FROM variant)::int AS variants')).rows[0];

  it('is a text like any other in every string of every query, and finds nothing', async () => {
    const before = await counts();
    const document = (await shop.http.get('/openapi.json')).body;
    const calls = operationsOf(document).flatMap(({ path, method, parameters }) =>
      method === 'GET' ? parameters.filter((given) => given.in === 'query').map(({ name }) => ({ path, name })) : [],
    );
    expect(calls.length).toBeGreaterThan(12);
    for (const { path, name } of [
      ...calls,
      { path: '/v1/products', name: 'option.Size' },
      { path: '/v1/products', name: "option.Size' OR '1'='1" },
    ]) {
      for (const text of sql) {
        const url = path.replaceAll('{slug}', 'only-lamp').replaceAll('{id}', '0198c000-0000-7000-8000-000000000000');
        const { status, body } = await shop.http
          .get(url)
          .query({ [name]: text })
          .set(asAdmin);
        expect({ path, name, text, status, isKnown: [200, 400, 404, 422].includes(status) }).toMatchObject({ isKnown: true });
        if (status === 200 && Array.isArray(body.data)) expect({ path, name, text, found: body.data }).toEqual({ path, name, text, found: [] });
      }
    }
    expect(await counts()).toEqual(before);
  });

  it('is a name of nothing in every path', async () => {
    for (const text of sql) {
      for (const path of ['/v1/products/', '/v1/categories/', '/v1/inventory/', '/v1/admin/products/', '/v1/admin/imports/']) {
        const { status } = await shop.http.get(path + encodeURIComponent(text)).set(asAdmin);
        expect({ path, text, isRefused: status === 400 || status === 404 }).toEqual({ path, text, isRefused: true });
      }
    }
  });

  it('is stored as it was written, whatever field it stands in', async () => {
    for (const [i, text] of sql.entries()) {
      const variants = [{ sku: text, barcode: text, title: text, options: { [text]: text }, price: { amount: 100, currency: 'USD' } }];
      const made = await shop.create(`sql-${i}`, {
        title: text,
        brand: text,
        tags: [text],
        attributes: { [text]: text },
        media: [{ url: '/a.jpg', alt: text }],
        variants,
      });
      const { body } = await shop.http.get(`/v1/products/sql-${i}`).expect(200);
      expect(body).toMatchObject({
        title: text.trim(),
        brand: text.trim(),
        tags: [text.trim()],
        attributes: { [text]: text },
        media: [{ alt: text }],
      });
      expect(body.variants[0]).toMatchObject({ sku: text, barcode: text, options: { [text.trim()]: text.trim() } });
      const found = (await shop.http.get('/v1/admin/variants').query({ sku: text }).set(asAdmin).expect(200)).body.data;
      expect(found.map(({ productId }: { productId: string }) => productId)).toEqual([made.id]);
      const byBrand = (await shop.http.get('/v1/products').query({ brand: text }).expect(200)).body.data;
      expect(byBrand.map(({ slug }: { slug: string }) => slug)).toEqual([`sql-${i}`]);
    }
  });
});

const scripts = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  "javascript:alert('x')",
  '<a href="javascript:alert(1)">x</a>',
  '<iframe srcdoc="<script>alert(1)</script>">',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
  '</title><script>alert(1)</script>',
  '{{constructor.constructor("alert(1)")()}}',
  '<p style="background:url(javascript:alert(1))" onmouseover=alert(1)>x</p>',
];
const dangerous = /<(script|iframe|svg|math|style|object|embed|form)|\son\w+\s*=|javascript:|srcdoc|style=/i;

describe('HTML in a product', () => {
  const shop = openShop({ redis: false });

  it('runs nothing in the description, whichever way it came in; elsewhere it is text, and no answer is a page', async () => {
    for (const [i, html] of scripts.entries()) {
      await shop.create(`made-${i}`, { title: html, brand: html, description: `<p>kept</p>${html}` });
      const cell = `"${html.replaceAll('"', '""')}"`;
      await importFile(
        shop,
        `Handle,Title,Body (HTML),Vendor,Status,Variant Price\nread-${i},${cell},"<p>kept</p>${html.replaceAll('"', '""')}",${cell},active,1\n`,
      );
      for (const slug of [`made-${i}`, `read-${i}`]) {
        const answer = await shop.http.get(`/v1/products/${slug}`).expect(200);
        expect({ slug, description: answer.body.description }).toEqual({ slug, description: expect.stringContaining('<p>kept</p>') });
        // What is escaped is text: only a tag of its own counts.
        expect({ slug, tags: answer.body.description.match(/<[^>]*>/g)?.filter((tag: string) => dangerous.test(tag)) }).toEqual({ slug, tags: [] });
        expect([answer.body.title, answer.body.brand]).toEqual([html, html]);
        expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
      }
      const patched = await shop.patch((await shop.create(`patched-${i}`)).id, { description: html });
      expect((patched.description.match(/<[^>]*>/g) ?? []).filter((tag) => dangerous.test(tag))).toEqual([]);
    }
  });

  it('does not come back as a page in a refusal, a picture or a media URL', async () => {
    for (const html of scripts) {
      for (const path of [
        `/v1/products/${encodeURIComponent(html)}`,
        `/${encodeURIComponent(html)}`,
        `/v1/products?${encodeURIComponent(html)}=1`,
        `/v1/products?sort=${encodeURIComponent(html)}`,
      ]) {
        const answer = await shop.http.get(path);
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.headers['content-type']).toBe('application/problem+json');
      }
      expect((await shop.http.get(`/media/demo/${encodeURIComponent(html)}.svg`)).status).toBe(400);
      const media = [{ url: html }];
      expect((await shop.http.post('/v1/admin/products').set(asAdmin).send({ title: 'x', media })).status).toBe(400);
    }
  });
});

describe('line ends in what becomes a header', () => {
  const shop = openShop({ redis: false });

  it('cannot be in a slug, and what else is strange in one is written out in Location', async () => {
    const { id } = await shop.create('before');
    for (const slug of ['a\r\nset-cookie: x=y', 'a\nb', 'a\u0085b', 'a\u2028b', 'a\rb'])
      expect((await shop.http.patch(`/v1/admin/products/${id}`).set(asAdmin).send({ slug })).status).toBe(400);
    let last = 'before';
    for (const slug of ['ä;"b', '緑', 'a,b', "<a>'b", 'a&b=c', 'a\u200cb', 'gpj.א', 'a:b@c']) {
      await shop.patch(id, { slug });
      const { status, headers } = await shop.http.get(`/v1/products/${encodeURIComponent(last)}`).redirects(0);
      expect([status, headers['location']]).toEqual([301, `/v1/products/${encodeURIComponent(slug)}`]);
      last = slug;
    }
  });

  it('cannot come through a query into Location', async () => {
    const { id } = await shop.create('first');
    await shop.patch(id, { slug: 'second' });
    for (const currency of ['USD%0d%0aset-cookie:%20x=y', 'usd', 'USD%00', 'USD&x=1']) {
      const { status, headers } = await rawRequest(shop.service.url, `GET /v1/products/first?currency=${currency} HTTP/1.1\r\nhost: x\r\n\r\n`);
      expect([status, headers['set-cookie'], headers['location']]).toEqual([400, undefined, undefined]);
    }
    const { headers } = await shop.http.get('/v1/products/first?currency=EUR').redirects(0);
    expect(headers['location']).toBe('/v1/products/second?currency=EUR');
  });

  it('cannot come through If-None-Match into ETag, nor through the id of a request', async () => {
    await shop.create('tagged');
    for (const line of ['if-none-match: "x"\r\n set-cookie: a=b', 'x-request-id: a\r\n set-cookie: a=b', 'x-request-id: a%0d%0aset-cookie: a=b']) {
      const { headers } = await rawRequest(shop.service.url, `GET /v1/products/tagged HTTP/1.1\r\nhost: x\r\n${line}\r\n\r\n`);
      expect(headers['set-cookie']).toBeUndefined();
      expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    }
  });
});

describe('the prototype of objects', () => {
  const shop = openShop({ redis: false });
  const isClean = () => ({}) as Record<string, unknown>;

  it('is out of reach of every body', async () => {
    for (const name of ['__proto__', 'constructor']) {
      const poison = `{"${name}":{"prototype":{"isAdmin":true},"isAdmin":true}}`;
      for (const body of [
        `{"title":"x","attributes":${poison}}`,
        `{"title":"x","variants":[{"options":${poison}}]}`,
        `{"title":"x",${poison.slice(1)}`,
      ]) {
        const { status } = await shop.http.post('/v1/admin/products').set(asAdmin).set('content-type', 'application/json').send(body);
        expect({ body, status }).toEqual({ body, status: 400 });
      }
    }
    expect(isClean()['isAdmin']).toBeUndefined();
  });

  it('is a name like any other where names are free: in attributes, options and queries', async () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty', 'valueOf', 'prototype']) {
      const slug = `named-${name.toLowerCase()}`;
      await shop.create(slug, { attributes: { [name]: 'a' }, variants: [{ options: { [name]: 'b' } }] });
      expect((await shop.http.get(`/v1/products/${slug}`)).body).toMatchObject({
        attributes: { [name]: 'a' },
        variants: [{ options: { [name]: 'b' } }],
      });
      const { body } = await shop.http.get(`/v1/products?option.${name}=b`).expect(200);
      expect(body.data.map((product: { slug: string }) => product.slug)).toEqual([slug]);
      expect((await shop.http.get(`/v1/products?option.${name}=c`).expect(200)).body.data).toEqual([]);
    }
    for (const query of ['option.__proto__=x', 'option.__proto__.polluted=x', 'option.constructor.prototype=x']) {
      const { status, body } = await shop.http.get(`/v1/products?${query}`);
      expect({ query, status, data: body.data }).toEqual({ query, status: 200, data: [] });
    }
    for (const query of ['__proto__=x', '__proto__[polluted]=x', 'constructor=x', 'constructor.prototype=x', 'constructor[prototype][polluted]=x'])
      expect({ query, status: (await shop.http.get(`/v1/products?${query}`)).status }).toEqual({ query, status: 400 });
    expect(isClean()['polluted']).toBeUndefined();
  });

  it('is out of reach of the headers and cells of a file', async () => {
    const header = '__proto__ (product.metafields.__proto__.polluted),constructor (product.metafields.constructor.prototype)';
    const rows = `Handle,Title,${header},Option1 Name,Option1 Value,Status,Variant Price\n__proto__,x,bad,bad,__proto__,constructor,active,1\n`;
    const poisoned = await importFile(shop, rows);
    expect(poisoned.report?.errors).toEqual([{ line: 2, column: 'Option1 Value', code: 'bad_value', message: expect.stringContaining('__proto__') }]);
    await importFile(shop, rows.replace(',__proto__,constructor,', ',toString,constructor,'));
    const line = '{"slug":"poison","title":"x","attributes":{"__proto__":{"polluted":true}}}';
    const job = await importFile(shop, line, 'ndjson');
    expect(job.report?.products.failed).toBe(1);
    expect(isClean()['polluted']).toBeUndefined();
    const { status, body } = await shop.http.get('/v1/products/__proto__');
    expect([status, body.slug, body.options]).toEqual([200, '__proto__', [{ name: 'toString', values: ['constructor'] }]]);
  });
});
