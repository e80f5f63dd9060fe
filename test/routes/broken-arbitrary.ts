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
);

/** The bodies of a request made wrong somewhere: another value in place of one, a field too many or too few, or no JSON at all. As text. */
export function brokenBodies(valid: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  const changed = fc
    .tuple(valid, fc.nat(), wrongValue, fc.constantFrom('replace', 'drop', 'add'))
    .map(([value, place, wrong, how]) => JSON.stringify(change(value, place, wrong, how)) ?? '');
  return fc.oneof(
    { weight: 4, arbitrary: changed },
    { weight: 1, arbitrary: wrongValue.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: brokenText },
  );
}

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
