import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { breakBody, nastyText } from './broken-arbitrary.js';
import type { Plan, Value } from './plan.js';

type Spoil = (plan: Plan) => Plan;

const without = (headers: Plan['headers'], name: string) => headers.filter(([given]) => given !== name);
const header =
  (name: string, value: Value): Spoil =>
  (plan: Plan) => ({ ...plan, headers: [...without(plan.headers, name), [name, value]] });
const query =
  (...more: [string, Value][]): Spoil =>
  (plan: Plan) => ({ ...plan, query: [...plan.query, ...more] });

const names = fc.oneof(
  fc.constantFrom('__proto__', 'constructor.prototype', 'option.', 'option.__proto__', 'currency[]', 'limit.', 'foo', ''),
  nastyText,
);
const nastyBytes = fc.uint8Array({ maxLength: 40 }).map((bytes) =>
  Buffer.from(bytes)
    .toString('latin1')
    .replaceAll(/[\0-\x1f\x7f]/g, ''),
);

const parameter: fc.Arbitrary<Spoil> = fc.tuple(fc.nat(), fc.oneof(nastyText, nastyText.map(longer))).map(([place, nasty]) => (plan: Plan) => {
  const inPath = Object.keys(plan.path);
  const count = inPath.length + plan.query.length;
  const at = count === 0 ? 0 : place % count;
  const name = inPath[at];
  if (name !== undefined) return { ...plan, path: { ...plan.path, [name]: nasty } };
  const own = plan.query[at - inPath.length];
  return own ? { ...plan, query: plan.query.with(at - inPath.length, [own[0], nasty]) } : query(['q', nasty])(plan);
});

const queries: fc.Arbitrary<Spoil> = fc.oneof(
  fc.tuple(names, nastyText).map(([name, value]) => query([name, value])),
  fc.nat().map((place) => (plan: Plan) => {
    const again = plan.query[place % Math.max(1, plan.query.length)] ?? ['currency', 'USD'];
    return query(again, again)(plan);
  }),
  fc.nat().map((place) => (plan: Plan) => ({ ...plan, query: plan.query.filter((_, i) => i !== place % Math.max(1, plan.query.length)) })),
  fc
    .oneof(
      fc.constantFrom('%', '%ff', '&&&', '=', ';a=b', 'a=%00', '__proto__=1', 'q=%ED%A0%80', '?', '+', 'currency=USD&currency=EUR', '%c0%80'),
      nastyBytes,
    )
    .map((rawQuery) => (plan: Plan) => ({ ...plan, rawQuery })),
);

const keys: fc.Arbitrary<Spoil> = fc
  .constantFrom('', 'Bearer', 'Bearer x', 'Basic YTpi', 'bearer\t', 'Bearer test', 'Bearer \xff', `Bearer ${'a'.repeat(5_000)}`)
  .map((value) => (value === '' ? (plan: Plan) => ({ ...plan, headers: without(plan.headers, 'authorization') }) : header('authorization', value)));

const headers: fc.Arbitrary<Spoil> = fc.oneof(
  fc
    .constantFrom(
      'text/plain',
      '',
      'application/json; charset=utf-16',
      'multipart/form-data',
      'application/JSON',
      'application/json;',
      'text/csv',
      '*/*',
      'nonsense',
      '\xff',
      'application/merge-patch+json',
      'application/json\tx',
    )
    .map((type) => header('content-type', type)),
  fc.constantFrom('gzip', 'br', 'deflate', 'identity', 'x', 'gzip, gzip').map((coding) => (plan: Plan) => {
    const coded = header('content-encoding', coding)(plan);
    return plan.body && coding === 'gzip' ? { ...coded, body: gzipSync(plan.body) } : coded;
  }),
  fc
    .tuple(
      fc.constantFrom(
        'if-match',
        'if-none-match',
        'idempotency-key',
        'accept',
        'range',
        'x-request-id',
        'cookie',
        'origin',
        'x-any',
        'content-language',
      ),
      fc.oneof(nastyBytes, nastyText),
    )
    .map(([name, value]) => header(name, value)),
  fc.constantFrom('100-continue', 'nonsense', '').map((value) => header('expect', value)),
  fc.constant(header('x-long', 'a'.repeat(17_000))),
);

const bodies: fc.Arbitrary<Spoil> = fc.oneof(
  { weight: 6, arbitrary: breakBody.map((spoil) => (plan: Plan) => ({ ...plan, body: Buffer.from(spoil(jsonOf(plan.body))) })) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => (plan: Plan) => ({ ...plan, body: Buffer.from(bytes) })) },
  { weight: 1, arbitrary: fc.nat().map((place) => (plan: Plan) => ({ ...plan, body: withByte(plan.body ?? Buffer.from('{}'), place, 0xff) })) },
  { weight: 1, arbitrary: fc.constant((plan: Plan) => ({ ...plan, body: plan.body ?? Buffer.from('{}'), declaredBytes: 3_000_000_000 })) },
);

/** One thing wrong with a request, or two. What it was is told by the request itself. */
export const spoils: fc.Arbitrary<Spoil> = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: parameter },
      { weight: 3, arbitrary: queries },
      { weight: 1, arbitrary: keys },
      { weight: 3, arbitrary: headers },
      { weight: 4, arbitrary: bodies },
    ),
    { minLength: 1, maxLength: 2 },
  )
  .map((all) => (plan: Plan) => all.reduce((spoiled: Plan, spoil) => spoil(spoiled), { ...plan, how: 'broken' }));

function jsonOf(body: Buffer | undefined): unknown {
  try {
    return JSON.parse(body?.toString() ?? '{}');
  } catch {
    return body?.toString();
  }
}

function withByte(body: Buffer, place: number, byte: number): Buffer {
  const changed = Buffer.from(body);
  if (changed.length > 0) changed[place % changed.length] = byte;
  return changed;
}

function longer(text: string): string {
  return text.length === 0 ? text : text.repeat(Math.ceil(1_100 / text.length)).slice(0, 1_100);
}
