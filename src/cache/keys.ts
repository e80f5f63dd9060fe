import { policies, type ReadRow } from './policies.js';

/**
 * The one place where keys are made: `<catalog>:<shape>:{<type>:<id>}`. The id of the catalog keeps databases apart, the shape keeps forms
 * of the stored value apart, and the hash tag puts an entry and its lock into one slot, so that every script touches one slot only. A colon
 * in the argument is written out, because the slug `computed:x` of one type would be the `x` of another.
 */
export function cacheKey(catalogId: string, row: ReadRow, argument: string): string {
  const { type, shape } = policies[row];
  return `${catalogId}:${shape}:{${type}:${argument.replaceAll('%', '%25').replaceAll(':', '%3A')}}`;
}

/** The lock beside an entry, in the same slot. */
export function lockKey(key: string): string {
  return `${key}:lock`;
}

export function generationKey(catalogId: string): string {
  return `${catalogId}:generation`;
}

/** Parameters in one deterministic order, empty ones left out: equal questions share a key however they were written. */
export function parameterKey(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  return Object.entries(parameters)
    .filter((entry): entry is [string, string | number | boolean] => entry[1] !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
}
