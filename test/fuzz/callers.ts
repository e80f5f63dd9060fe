import { allScopes, type Scope } from '../../src/access/scope.js';
import { keyIn, withKeys } from '../access/open-keys.js';
import type { Operation } from '../routes/openapi-document.js';
import type { CallerKind, Plan } from './plan.js';

export const callerKinds: readonly CallerKind[] = ['without', 'revoked', 'expired', 'alone'];

export interface Callers {
  keyOf(kind: CallerKind, scope: string): string;
}

/** Keys of every kind, made past the service: over HTTP none can be made that has expired. */
export async function makeCallers(databaseUrl: string): Promise<Callers> {
  const key = (name: string, scopes: Scope[]) => keyIn(databaseUrl, { name, scopes });
  const alone = new Map<string, string>();
  const without = new Map<string, string>();
  for (const scope of allScopes) {
    alone.set(scope, await key(`alone ${scope}`, [scope]));
    without.set(
      scope,
      await key(
        `without ${scope}`,
        allScopes.filter((other) => other !== scope),
      ),
    );
  }
  const revoked = await key('revoked', [...allScopes]);
  await withKeys(databaseUrl, async (keys) => {
    const { id } = await keys.get({ prefix: revoked.slice(0, 14) });
    await keys.revoke(id, { keyId: 'fuzz', scopes: allScopes, end: null });
  });
  const expired = await keyIn(databaseUrl, { name: 'expired', scopes: [...allScopes], expiresInDays: 1 }, 2 * 86_400_000);
  return {
    keyOf(kind, scope) {
      const found = { without: without.get(scope), alone: alone.get(scope), revoked, expired }[kind];
      if (found === undefined) throw new Error(`the document asks for the scope ${scope}, which there is not`);
      return found;
    },
  };
}

/** The scope that the document names for a call; undefined where it asks for no key. */
export function scopeOf({ security }: Operation): string | undefined {
  return (security?.[0] as { adminKey?: string[] } | undefined)?.adminKey?.[0];
}

/** The same request as somebody else sends it. */
export function sentBy(plan: Plan, kind: CallerKind, scope: string, callers: Callers): Plan {
  const others = plan.headers.filter(([name]) => name !== 'authorization');
  return { ...plan, caller: kind, headers: [['authorization', `Bearer ${callers.keyOf(kind, scope)}`], ...others] };
}

/** Which answers become whoever sends a request that the document allows; null where the request decides. */
export function dueOf({ caller, operation }: Plan): ReadonlySet<number> | null {
  if (caller === 'revoked' || caller === 'expired') return new Set([401, 503]);
  if (caller === 'without') return new Set([403, 503]);
  // What a body carries may need another scope, and so does making a key that has one.
  if (caller === 'alone' && (operation.body !== undefined || operation.path.includes('/keys'))) return new Set([403]);
  return null;
}
