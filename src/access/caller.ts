import { AppError } from '../errors.js';
import type { Scope } from './scope.js';

/** Who sends a request to the admin. Nothing in it is secret. */
export interface Caller {
  /** For logs and counts: `env`, the prefix of a key, or `jwt:` with the subject of the token. */
  keyId: string;
  name: string;
  scopes: readonly Scope[];
  /** `env`: the key of ADMIN_API_KEY. `key`: one of the database. `jwt`: a token of the issuer that is trusted. */
  kind: 'env' | 'key' | 'jwt';
  /** When the key expires by the clock of the database, and how long that was off when it was read; null: it does not, or is none of the database. */
  end: { at: Date; leftMs: number } | null;
}

/** Throws `missing_scope`, which names it. `because` says what asks for it, where that is not the call itself. */
export function requireScope({ scopes }: Pick<Caller, 'scopes'>, scope: Scope, because = ''): void {
  if (!scopes.includes(scope)) throw new AppError('missing_scope', `${because}This key lacks the scope ${scope}`);
}
