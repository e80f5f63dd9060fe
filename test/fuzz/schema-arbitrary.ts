import fc from 'fast-check';
import { type OpenApiDocument, resolve, type Schema } from '../routes/openapi-document.js';

/** Values that a JSON Schema of the document allows. The sizes are small; the edges of each range come first, as fast-check does it. */
export function valuesOf(document: OpenApiDocument, schema: Schema): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return valuesOf(document, resolve(document, schema.$ref) ?? {});
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return fc.oneof(...choices.map((choice) => valuesOf(document, choice)));
  switch (schema.type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number':
      return fc.integer({ min: Math.max(schema.minimum ?? -1_000, -(2 ** 31)), max: Math.min(schema.maximum ?? 1_000, 2 ** 31 - 1) });
    case 'string':
      return strings(schema);
    case 'array':
      return fc.array(valuesOf(document, schema.items ?? {}), { minLength: schema.minItems ?? 0, maxLength: Math.min(schema.maxItems ?? 4, 4) });
    case 'object':
      return objects(document, schema);
    default:
      return json;
  }
}

/** Without the one name that no JSON body may have. */
const json = fc.jsonValue({ maxDepth: 1 }).filter((value) => !JSON.stringify(value).includes('__proto__'));

function strings({ format, pattern, minLength = 0, maxLength = 30 }: Schema): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid({ version: 7 });
  const isShort = (text: string) => Array.from(text).length <= maxLength;
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern)).filter((text) => text.isWellFormed() && isShort(text));
  return fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, 30) }).filter(isShort);
}

function objects(
  document: OpenApiDocument,
  { properties = {}, required = [], additionalProperties, propertyNames = { minLength: 1 } }: Schema,
): fc.Arbitrary<object> {
  const named = fc.record(Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, valuesOf(document, schema)])), {
    requiredKeys: required,
  });
  if (typeof additionalProperties !== 'object') return named;
  const name = strings(propertyNames).filter((key) => key !== '__proto__');
  const more = fc.dictionary(name, valuesOf(document, additionalProperties), { maxKeys: 3, noNullPrototype: true });
  return fc.tuple(more, named).map(([some, others]) => ({ ...some, ...others }));
}
