import fc from 'fast-check';

/** What forms, scripts and attackers put where a value belongs. */
export const nastyText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '0',
    '-1',
    '1e309',
    'NaN',
    'null',
    'true',
    '[]',
    '\0',
    '%00',
    '%',
    '../../etc/passwd',
    `' OR 1=1--`,
    '{{7*7}}',
    '<%= 7*7 %>',
    '__proto__',
    'constructor',
    '\u202e',
    '9'.repeat(400),
    'a'.repeat(5_000),
  ),
  fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)), maxLength: 40 }),
);

const wrongValue = fc.oneof(
  nastyText,
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(Number.MAX_SAFE_INTEGER + 2, -0.5, 1e308, -1, null, true, [], {}, [[[]]]),
);

/** Text that is no JSON, or only nearly. */
const brokenText = fc.constantFrom(
  '',
  '{',
  '[1,',
  '{"a":',
  'nul',
  '\0',
  '{"__proto__":1}',
  '{"a":1,}',
  '"\\ud800"',
  '['.repeat(2_000),
  '{"a":1e999}',
  '{"a":'.repeat(100_000),
  '{"constructor":{"prototype":{"isAdmin":true}}}',
  '\ufeff{}',
  '{"a":1,"a":2}',
);

/** Makes the body of a request wrong somewhere: another value in place of one, a field too many or too few, or no JSON at all. To text. */
export const breakBody: fc.Arbitrary<(valid: unknown) => string> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.nat(), wrongValue, fc.constantFrom('replace' as const, 'drop' as const, 'add' as const)).map(
      ([place, wrong, how]) =>
        (valid: unknown) =>
          JSON.stringify(change(valid, place, wrong, how)) ?? '',
    ),
  },
  { weight: 1, arbitrary: wrongValue.map((value) => () => JSON.stringify(value)) },
  { weight: 1, arbitrary: brokenText.map((text) => () => text) },
);

function change(value: unknown, place: number, wrong: unknown, how: 'replace' | 'drop' | 'add'): unknown {
  if (typeof value !== 'object' || value === null) return wrong;
  const keys = Object.keys(value);
  const key = keys[place % keys.length];
  if (how === 'add' || key === undefined) return Array.isArray(value) ? [...value, wrong] : { ...value, [`x${place}`]: wrong };
  const inner = (value as Record<string, unknown>)[key];
  // Half of the time further down, where there is a further down.
  const next = place % 2 === 0 && typeof inner === 'object' && inner !== null ? change(inner, place >> 1, wrong, how) : wrong;
  if (Array.isArray(value)) return how === 'drop' ? value.filter((_, i) => i !== Number(key)) : value.with(Number(key), next);
  return Object.fromEntries(Object.entries(value).flatMap(([name, held]) => (name !== key ? [[name, held]] : how === 'drop' ? [] : [[name, next]])));
}
