import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { asAdmin } from '../harness/service.js';
import { brokenBodies, nastyText } from './broken-arbitrary.js';
import { openShop } from './open-shop.js';
import { type OpenApiDocument, type Operation, operationsOf, type Parameter } from './openapi-document.js';
import { valuesOf } from './schema-arbitrary.js';

const numRuns = 36;
/** Statuses that any call may answer to what is no request of it. */
const general = new Set([400, 404, 413, 414, 415]);

interface Sent {
  parameters: Record<string, unknown>;
  /** The body as text. */
  body: string | undefined;
  type: string | undefined;
  hasKey: boolean;
}

describe('the published contract', () => {
  const shop = openShop({ demo: true, redis: false });
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  let document: OpenApiDocument;
  /** What exists, so that a call does not only meet what does not. */
  const known: Record<string, string[]> = {};
  const answered = new Map<number, number>();

  beforeAll(async () => {
    document = (await shop.http.get('/openapi.json').expect(200)).body;
    ajv.addSchema({ ...document, $id: 'contract' });
    const products = (await shop.http.get('/v1/products?limit=20').expect(200)).body.data;
    const details = await Promise.all(
      products.slice(0, 5).map(async ({ slug }: { slug: string }) => (await shop.http.get(`/v1/products/${slug}`)).body),
    );
    const variants = details.flatMap(({ variants }) => variants.map(({ id }: { id: string }) => id));
    const keys = await Promise.all(
      ['one', 'two'].map((name) =>
        shop.http
          .post('/v1/admin/keys')
          .set(asAdmin)
          .send({ name, scopes: ['catalog:read'] }),
      ),
    );
    const keyIds = keys.map(({ body }) => body.id);
    const categories = (await shop.http.get('/v1/categories').expect(200)).body.data.map(({ slug }: { slug: string }) => slug);
    Object.assign(known, {
      '/v1/products/{slug} slug': products.map(({ slug }: { slug: string }) => slug),
      '/v1/categories/{slug} slug': categories,
      '/v1/products category': categories,
      '/v1/inventory/{variantId} variantId': variants,
      '/v1/admin/inventory/{variantId} variantId': variants,
      '/v1/admin/variants/{id}/price id': variants,
      '/v1/admin/products/{id} id': products.map(({ id }: { id: string }) => id),
      '/v1/admin/keys/{id} id': keyIds,
      '/v1/admin/keys/{id}/rotate id': keyIds,
      '/v1/admin/keys cursor': keyIds,
      'if-match': ['*', '"1"', '"2.1"'],
      currency: ['USD', 'EUR'],
    });
  });

  function parameterValues(path: string, { name, schema }: Parameter): fc.Arbitrary<unknown> {
    const existing = known[`${path} ${name}`] ?? known[name];
    return existing ? fc.oneof(fc.constantFrom(...existing), valuesOf(document, schema)) : valuesOf(document, schema);
  }

  function requests({ path, parameters, body }: Operation, isValid: boolean): fc.Arbitrary<Sent> {
    const maybe = (value: fc.Arbitrary<unknown>, isRequired = false) => (isRequired ? value : fc.option(value, { nil: undefined }));
    const values = parameters.map((parameter) => {
      const valid = maybe(parameterValues(path, parameter), parameter.required);
      return [`${parameter.in} ${parameter.name}`, isValid ? valid : fc.oneof(valid, nastyText)] as const;
    });
    const type = body && Object.keys(body)[0];
    const schema = body?.[type ?? '']?.schema;
    const valid = schema && valuesOf(document, schema);
    const isJson = type === 'application/json';
    const texts = !valid
      ? fc.constant(undefined)
      : !isJson
        ? fc.oneof(valid as fc.Arbitrary<string>, fc.constant('Handle,Title,Variant Price\na,A,1\n'))
        : isValid
          ? valid.map((value) => JSON.stringify(value))
          : fc.oneof(
              brokenBodies(valid),
              valid.map((value) => JSON.stringify(value)),
            );
    const mostly = <T>(usual: T, rare: T) =>
      isValid ? fc.constant(usual) : fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constant(rare) });
    return fc.record({
      parameters: fc.record(Object.fromEntries(values)),
      body: texts,
      type: mostly(type, 'text/plain'),
      hasKey: mostly(true, false),
    });
  }

  async function send({ method, path, security }: Operation, { parameters, body, type, hasKey }: Sent): Promise<Response> {
    let url = path;
    const query = new URLSearchParams();
    const headers: Record<string, string> = { ...(security && hasKey && asAdmin), ...(body !== undefined && type && { 'content-type': type }) };
    for (const [place, value] of Object.entries(parameters)) {
      const [where, name = ''] = place.split(' ');
      const text = String(value).toWellFormed();
      // A client would take `.` and `..` for a way through the path, and nothing at all is another path.
      if (where === 'path') url = url.replace(`{${name}}`, /^(\.{1,2})?$/.test(text) ? '%20' : encodeURIComponent(text));
      else if (value !== undefined && where === 'query') query.append(name, text);
      else if (value !== undefined) headers[name] = text.replaceAll(/[^\x21-\x7e]/g, '') || 'x';
    }
    return fetch(`${shop.service.url}${url}?${query}`, {
      method,
      headers,
      body: body ?? null,
      signal: AbortSignal.timeout(10_000),
      redirect: 'manual',
    });
  }

  async function hold(operation: Operation, sent: Sent, isValid: boolean): Promise<void> {
    const response = await send(operation, sent);
    const { status } = response;
    const text = await response.text();
    answered.set(status, (answered.get(status) ?? 0) + 1);
    const isBusy = status === 503 && operation.path === '/v1/admin/imports';
    if (status >= 500 && !isBusy) throw new Error(`${status} ${text}`);
    if (isValid && status === 400) throw new Error(`what the schema allows is refused: ${text}`);
    const documented = operation.responses[status];
    if (!documented && !general.has(status)) throw new Error(`${status} is not documented: ${text}`);
    const given = response.headers.get('content-type')?.split(';')[0] ?? '';
    if (status >= 400 && given !== 'application/problem+json') throw new Error(`${status} comes as ${given}`);
    if (status < 400 && documented?.content && !documented.content[given]) throw new Error(`${given} is not documented`);
    const { path, method } = operation;
    const step = (name: string) => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
    const place = `contract#/paths/${step(path)}/${method.toLowerCase()}/responses/${status}/content/${step(given)}/schema`;
    if (!documented?.content || !given.endsWith('json')) return;
    const validate = ajv.getSchema(place);
    if (!validate) throw new Error(`there is no schema at ${place}`);
    if (!validate(JSON.parse(text)))
      throw new Error(`the body of ${status} breaks its schema: ${ajv.errorsText(validate.errors)} in ${text.slice(0, 500)}`);
  }

  it.each([
    ['never refuses what its schemas allow, and answers what it documents', true],
    ['answers what it documents to whatever is sent, and is never at fault itself', false],
  ])(
    '%s',
    async (_, isValid) => {
      for (const operation of operationsOf(document)) {
        const property = fc.asyncProperty(requests(operation, isValid), (sent) => hold(operation, sent, isValid));
        const { failed, counterexample, errorInstance } = await fc.check(property, { numRuns, seed: 20_260_101 });
        const fault = errorInstance instanceof Error ? errorInstance.message : errorInstance;
        expect({ call: `${operation.method} ${operation.path}`, ...(failed && { fault, counterexample }) }).toEqual({
          call: `${operation.method} ${operation.path}`,
        });
      }
    },
    60_000,
  );

  it('is met on its good side as well as on its bad one', () => {
    const sum = [...answered.values()].reduce((total, count) => total + count, 0);
    expect(sum).toBeGreaterThan(1_400);
    for (const status of [200, 201, 202, 400, 401, 404, 409, 412, 415, 422])
      expect(answered.get(status) ?? 0, `answers of ${status}`).toBeGreaterThan(0);
  });
});
