import { z } from 'zod';

/** THE TABLE of what a key may be allowed to do. Nothing implies anything else: a key that writes and reads has both. */
export const scopes = {
  'catalog:read': 'read products and variants as an editor',
  'catalog:write': 'create, change and archive products; the prices and the stock in them need the next two as well',
  'prices:write': 'change prices',
  'inventory:write': 'set stock',
  'imports:read': 'see how an import stands',
  'imports:write': 'import files, which write products, prices and stock: it includes those three',
  'cache:read': 'see the cache table and the last price writes',
  'keys:admin': 'make, list, rotate and revoke keys, none of which may do more than the key that makes it',
} as const;

export type Scope = keyof typeof scopes;

export const allScopes = Object.keys(scopes) as readonly Scope[];

export const Scope = z.enum(allScopes as [Scope, ...Scope[]]).meta({ id: 'Scope' });

/** Those of these names that are scopes. A token may carry scopes of other services, and a row some of another release. */
export function knownScopes(names: readonly string[]): Scope[] {
  return allScopes.filter((scope) => names.includes(scope));
}
