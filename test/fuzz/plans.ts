import fc from 'fast-check';
import type { OpenApiDocument, Operation, Parameter } from '../routes/openapi-document.js';
import { importFiles } from './import-bodies.js';
import type { Kind } from './known.js';
import type { Plan, Value } from './plan.js';
import { valuesOf } from './schema-arbitrary.js';

/** Which parameters name something that may exist. */
const kinds: Record<string, Kind> = {
  '/v1/products/{slug} slug': 'slug',
  '/v1/categories/{slug} slug': 'category',
  '/v1/products category': 'category',
  '/v1/products brand': 'brand',
  '/v1/products tag': 'tag',
  '/v1/inventory/{variantId} variantId': 'variant',
  '/v1/admin/inventory/{variantId} variantId': 'variant',
  '/v1/admin/variants/{id}/price id': 'variant',
  '/v1/admin/variants sku': 'sku',
  '/v1/admin/products/{id} id': 'product',
  '/v1/admin/imports/{id} id': 'import',
  '/v1/admin/keys/{id} id': 'key',
  '/v1/admin/keys/{id}/rotate id': 'key',
  '/v1/admin/keys cursor': 'key',
};

const at = fc.nat(9_999);
export const existing = (known: Kind): fc.Arbitrary<Value> => at.map((place) => ({ known, at: place }));

/** Headers that change nothing, or only whether a body comes. */
const harmless = fc.oneof(
  fc.tuple(
    fc.constant('accept'),
    fc.constantFrom('*/*', 'text/html', 'application/xml;q=0.9', 'image/*', '', 'application/json;version=2', ',,;;', 'a'.repeat(2_000)),
  ),
  fc.tuple(fc.constant('if-none-match'), fc.oneof(existing('etag'), fc.constantFrom('*', '"x"', 'W/"1.1"', '"1.1", "2.1"', ',', '"', ''))),
  fc.constantFrom<[string, string][]>(
    ['range', 'bytes=0-1'],
    ['x-forwarded-host', 'evil.example'],
    ['x-forwarded-for', '127.0.0.1'],
    ['x-forwarded-proto', 'gopher'],
    ['forwarded', 'for=127.0.0.1;host=evil.example'],
    ['x-original-url', '/v1/admin/cache'],
    ['x-rewrite-url', '/v1/admin/cache'],
    ['x-http-method-override', 'DELETE'],
    ['x-request-id', 'fuzz.1'],
    ['x-request-id', '<script>'],
    ['cookie', 'a=b; __proto__=c'],
    ['origin', 'https://evil.example'],
    ['accept-encoding', 'gzip, br'],
    ['te', 'trailers'],
    ['if-modified-since', 'Thu, 01 Jan 2099 00:00:00 GMT'],
    ['if-unmodified-since', 'yesterday'],
    ['if-range', '"x"'],
    ['cache-control', 'only-if-cached, max-age=-1'],
    ['upgrade', 'websocket'],
    ['connection', 'close'],
    ['user-agent', '\xff\xfe'],
    ['__proto__', 'x'],
    ['constructor', 'x'],
  ),
) as fc.Arbitrary<[string, Value]>;

/** Requests that the document allows: none of them is refused for its form. */
export function validPlans(document: OpenApiDocument, operation: Operation, adminKey: string): fc.Arbitrary<Plan> {
  const { path, method, parameters, security, body } = operation;
  const valuesFor = ({ name, schema, in: place }: Parameter): fc.Arbitrary<Value> => {
    const kind = kinds[`${path} ${name}`] ?? (name === 'if-match' ? 'etag' : undefined);
    const any = valuesOf(document, schema).map((value) => (place === 'header' ? String(value).replaceAll(/[^\x21-\x7e]/g, '') : String(value)));
    if (kind) return fc.oneof({ weight: 3, arbitrary: existing(kind) }, { weight: 1, arbitrary: any });
    if (name === 'currency') return fc.oneof({ weight: 3, arbitrary: fc.constantFrom('USD', 'EUR', 'JPY') }, { weight: 1, arbitrary: any });
    if (name === 'file') return fc.oneof(fc.constant('walnut-desk-lamp-1.svg'), any);
    return any;
  };
  const givenIn = (place: Parameter['in']) =>
    fc
      .tuple(
        ...parameters
          .filter((parameter) => parameter.in === place)
          .map((parameter) =>
            fc
              .option(valuesFor(parameter), { nil: undefined, freq: parameter.required ? Number.MAX_SAFE_INTEGER : 3 })
              .map((value) => [parameter.name, value] as const),
          ),
      )
      .map((all) => all.filter((entry): entry is [string, Value] => entry[1] !== undefined));
  const option = fc.option(
    fc.constantFrom<[string, string][]>(['option.Size', 'M'], ['option.Color', "'; --"], ['option.__proto__', 'x'], ['option.a.b', '%']),
    { nil: undefined, freq: 3 },
  );
  const isListing = method === 'GET' && path === '/v1/products';
  const types = Object.keys(body ?? {});
  return fc
    .record({
      path: givenIn('path').map((entries) => Object.fromEntries(entries)),
      query: fc
        .tuple(givenIn('query'), isListing ? option : fc.constant(undefined))
        .map(([named, more]): [string, Value][] => (more ? [...named, more] : named)),
      own: givenIn('header'),
      more: fc.array(harmless, { maxLength: 2 }),
      type: types.length === 0 ? fc.constant(undefined) : fc.constantFrom(...types),
      isChunked: fc.integer({ min: 0, max: 9 }).map((draw) => draw === 0),
      body: bodies(document, operation),
      nextPage: isListing ? fc.option(existing('page'), { nil: undefined, freq: 4 }) : fc.constant(undefined),
    })
    .map(({ body: bytes, own, more, type, isChunked, nextPage, ...rest }) => ({
      operation,
      how: 'valid' as const,
      method,
      ...rest,
      ...(nextPage !== undefined && { rawQuery: nextPage }),
      headers: [
        ...(security ? [['authorization', `Bearer ${adminKey}`] as [string, Value]] : []),
        ...(type === undefined ? [] : [['content-type', type] as [string, Value]]),
        ...(isChunked && bytes ? [['transfer-encoding', 'chunked'] as [string, Value]] : []),
        ...own,
        ...more,
      ],
      ...(bytes && { body: bytes }),
    }));
}

function bodies(document: OpenApiDocument, { body }: Operation): fc.Arbitrary<Buffer | undefined> {
  const schema = body?.['application/json']?.schema;
  if (body && !schema) return importFiles;
  if (!schema) return fc.constant(undefined);
  return fc.tuple(valuesOf(document, schema), at).map(([value, place]) => Buffer.from(JSON.stringify(withPlaceholders(value, place))));
}

/** Half of the ids and slugs of a body become those of something that exists. */
export function withPlaceholders(value: unknown, place: number): unknown {
  if (Array.isArray(value)) return value.map((item, i) => withPlaceholders(item, place + i));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner], i) => {
      const isTaken = (place + i) % 2 === 0;
      if (name === 'variantId' && isTaken) return [name, `known:variant:${place}`];
      if (name === 'slugs' && Array.isArray(inner)) return [name, inner.map((slug, j) => ((place + j) % 2 === 0 ? `known:slug:${place + j}` : slug))];
      if (name === 'currency') return [name, isTaken ? 'USD' : inner];
      return [name, withPlaceholders(inner, place + i)];
    }),
  );
}
