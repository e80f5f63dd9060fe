import { AppError } from '../errors.js';
import type { Caller } from './caller.js';
import type { GuessLimit } from './guess-limit.js';
import { createKeyLane } from './key-lane.js';
import type { KeyStore, Refusal, StoredKey, TokenVerifier } from './ports.js';
import { allScopes, knownScopes } from './scope.js';
import { hashOf, isSame, prefixOf } from './secret.js';

export interface Authenticator {
  /**
   * Who sends this. Throws `unauthorized` for no key, a wrong, an expired or a revoked one, `too_many_wrong_keys` for a wrong one where the address
   * has been wrong too often, `database_unavailable` or `issuer_unavailable` where it cannot be told.
   * @param token what was sent as a key; undefined where nothing was
   */
  identify(token: string | undefined, address: string): Promise<Caller>;
  /** Whether no key at all would be taken now. */
  isOff(): Promise<boolean>;
}

const wrong: Refusal = { refused: 'This is not an admin key', isGuess: true };
/** How long it is believed that there is no key, for those who send none. */
const offMs = 1000;

/**
 * Knows the key of ADMIN_API_KEY, which needs no database, the keys of the database, each read there for every request, so that one that is
 * revoked ends with the next request everywhere, and the tokens of the issuer that is trusted.
 */
export function createAuthenticator(deps: {
  adminApiKey: string | undefined;
  keys: Pick<KeyStore, 'findSecrets' | 'hasActive'>;
  tokens: TokenVerifier | null;
  guesses: GuessLimit;
  noteUse: (key: StoredKey) => void;
  /** Durations alone are taken of it. */
  now?: () => number;
}): Authenticator {
  const { keys, tokens, guesses, now = () => performance.now() } = deps;
  const first = deps.adminApiKey === undefined ? null : { hash: hashOf(deps.adminApiKey), keyId: shownBy(deps.adminApiKey) };
  const find = createKeyLane(keys);
  let off: { until: number; answer: Promise<boolean> } | null = null;

  /** What a token shows of itself: which key it is, or is a guess at. */
  function shownBy(token: string): string {
    const subject = tokens?.subjectOf(token) ?? null;
    return prefixOf(token) ?? (subject === null ? 'env' : `jwt:${subject}`);
  }

  /**
   * Without a wait between asking, comparing and counting, so that guesses which come all at once are counted one by one. Throws where nothing
   * from there is compared with the first key now and there is nothing else that it could be.
   */
  function isFirst(token: string, keyId: string, address: string): boolean {
    if (keyId !== 'env' && keyId !== first?.keyId) return false;
    const waitS = guesses.firstWaitS(address);
    if (waitS === 0) {
      if (first !== null && isSame(hashOf(token), first.hash)) return true;
      guesses.missedFirst(address);
    } else if (keyId === 'env') throw tooMany(waitS);
    return false;
  }

  async function checkKey(token: string, prefix: string): Promise<Caller | Refusal> {
    const key = await find(prefix);
    if (key === null || !isSame(hashOf(token), key.hash)) return wrong;
    // Only who has the whole key learns this of it.
    const { state, expiresAt, leftMs } = key;
    if (state !== 'active') return { refused: `The key ${prefix} has ${state === 'revoked' ? 'been revoked' : 'expired'}`, isGuess: false };
    deps.noteUse(key);
    const end = expiresAt === null || leftMs === null ? null : { at: expiresAt, leftMs };
    return { keyId: prefix, name: key.name, scopes: knownScopes(key.scopes), kind: 'key', end };
  }

  async function checkToken(verifier: TokenVerifier, token: string): Promise<Caller | Refusal> {
    const told = await verifier.verify(token);
    if ('refused' in told) return told;
    return { keyId: `jwt:${told.subject}`, name: told.subject, scopes: knownScopes(told.scopes), kind: 'jwt', end: null };
  }

  async function isOff(): Promise<boolean> {
    return first === null && tokens === null && !(await keys.hasActive());
  }

  /** Anybody may ask this by sending nothing, so the database is asked once a second at most; where it does not answer, nothing is said. */
  function isOffAsFarAsKnown(): Promise<boolean> {
    if (off === null || off.until <= now()) off = { until: now() + offMs, answer: isOff().catch(() => false) };
    return off.answer;
  }

  return {
    isOff,
    async identify(token, address) {
      if (token === undefined) {
        throw new AppError(
          'unauthorized',
          (await isOffAsFarAsKnown()) ? 'Admin is off: there is no key yet' : 'Send an admin key: Authorization: Bearer KEY',
        );
      }
      const keyId = shownBy(token);
      if (isFirst(token, keyId, address)) return { keyId: 'env', name: 'ADMIN_API_KEY', scopes: allScopes, kind: 'env', end: null };
      // Whatever came from there before: who can tell the right one from others by itself cannot have guessed it.
      const found =
        keyId === 'env' ? wrong : await (tokens !== null && keyId.startsWith('jwt:') ? checkToken(tokens, token) : checkKey(token, keyId));
      if (!('refused' in found)) return found;
      const waitS = found.isGuess ? guesses.failed(address) : 0;
      throw waitS > 0 ? tooMany(waitS) : new AppError('unauthorized', found.refused);
    },
  };
}

function tooMany(waitS: number): AppError {
  return new AppError('too_many_wrong_keys', `Too many wrong keys came from this address; try again in ${waitS} seconds`, { retryAfterS: waitS });
}
