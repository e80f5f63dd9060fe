import { createRemoteJWKSet, customFetch, decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { TokenVerifier } from '../access/ports.js';
import { AppError } from '../errors.js';
import { createKeyFetch } from './key-fetch.js';

/** Signed by a key that only the issuer has. Without `none`, and without HMAC, whose key would be the one that everybody can read. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
/** How far the issuer's clock may be from this one. */
const clockToleranceS = 30;

export interface TokenVerifierOptions {
  issuer: string;
  audience: string;
  jwksUrl: string;
  now?: () => Date;
  timeoutMs?: number;
  /** How soon after the keys were fetched a key that is not among them makes them be fetched again. */
  cooldownMs?: number;
  /** How long they are believed. */
  believedMs?: number;
}

/**
 * Tells the tokens (JWT, RFC 7519) of one issuer from others by the keys that it publishes. The rules are those of RFC 8725: algorithms are
 * listed here and not taken from the token, issuer and audience have to be the ones expected, and there is no token without an end.
 */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { issuer, audience, jwksUrl, now = () => new Date(), timeoutMs = 1500, cooldownMs = 30_000, believedMs = 600_000 } = options;
  const keySet = createRemoteJWKSet(new URL(jwksUrl), {
    ...{ timeoutDuration: timeoutMs, cooldownDuration: cooldownMs, cacheMaxAge: believedMs },
    [customFetch]: createKeyFetch(),
  });

  const keyOf: JWTVerifyGetKey = async (header, token) => {
    try {
      return await keySet(header, token);
    } catch (error) {
      if (isAboutToken(error)) throw error;
      throw new AppError('issuer_unavailable', 'The keys of the issuer of tokens cannot be had at the moment', { cause: error });
    }
  };

  return {
    subjectOf(token) {
      try {
        return subjectIn(decodeJwt(token));
      } catch {
        return null;
      }
    },
    async verify(token) {
      try {
        const requiredClaims = ['exp', 'sub'];
        const { payload } = await jwtVerify(token, keyOf, {
          ...{ issuer, audience, algorithms, requiredClaims, clockTolerance: clockToleranceS, currentDate: now() },
        });
        return { subject: subjectIn(payload), scopes: scopesIn(payload) };
      } catch (error) {
        if (!(error instanceof errors.JOSEError)) throw error;
        // Claims are looked at once the signature holds, so only whoever has a token of the issuer learns anything of them.
        if (error instanceof errors.JWTExpired) return { refused: 'This token has expired', isGuess: false };
        if (error instanceof errors.JWTClaimValidationFailed) return { refused: `This token does not hold: ${error.claim}`, isGuess: false };
        return { refused: 'This token does not hold', isGuess: true };
      }
    },
  };
}

/** The token names a key that is not there, or more than one: the issuer has answered and the token is to blame. */
function isAboutToken(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys || error instanceof errors.JOSENotSupported;
}

/** As a log and a column take it. */
function subjectIn({ sub }: JWTPayload): string {
  return typeof sub === 'string' ? sub.replaceAll(/[^!-~]/g, '?').slice(0, 200) : '';
}

/** `scope` of RFC 8693 and RFC 9068, and what Microsoft (`scp`), Okta (`scp`, a list) and Auth0 (`permissions`) send instead. */
function scopesIn({ scope, scp, permissions }: JWTPayload): string[] {
  return [scope, scp, permissions].flatMap((claim) => {
    if (typeof claim === 'string') return claim.split(' ');
    return Array.isArray(claim) ? claim.filter((name) => typeof name === 'string') : [];
  });
}
