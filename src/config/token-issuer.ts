import type { Environment } from './environment.js';
import { namesSomebody } from './kinds.js';

export interface TokenIssuer {
  issuer: string;
  audience: string;
  jwksUrl: string;
}

/** What one of these settings says only together with the others. */
export function jwtFaults({ JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL }: Record<string, string | undefined>): string[] {
  const faults: string[] = [];
  if (JWT_ISSUER !== undefined && JWT_AUDIENCE === undefined)
    faults.push('JWT_AUDIENCE: must be set with JWT_ISSUER, or tokens that are meant for other services would be taken');
  if (JWT_ISSUER === undefined) {
    if (JWT_AUDIENCE !== undefined) faults.push('JWT_AUDIENCE: says nothing without JWT_ISSUER');
    if (JWT_JWKS_URL !== undefined) faults.push('JWT_JWKS_URL: says nothing without JWT_ISSUER');
    return faults;
  }
  const keys = JWT_JWKS_URL ?? jwksUrlOf(JWT_ISSUER);
  const name = JWT_JWKS_URL === undefined ? 'JWT_ISSUER' : 'JWT_JWKS_URL';
  if (!URL.canParse(keys)) faults.push(`${name}: must be a URL; where the issuer has none, set JWT_JWKS_URL`);
  else if (namesSomebody(keys)) faults.push(`${name}: must not hold a name or a password, which are not sent and would stand in the log`);
  else if (new URL(keys).protocol !== 'https:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(keys).hostname))
    faults.push(`${name}: must begin with https://, or whoever sits in between could put keys of their own there`);
  return faults;
}

export function jwtOf(env: Pick<Environment, 'JWT_ISSUER' | 'JWT_AUDIENCE' | 'JWT_JWKS_URL'>): TokenIssuer | null {
  if (env.JWT_ISSUER === undefined || env.JWT_AUDIENCE === undefined) return null;
  return { issuer: env.JWT_ISSUER, audience: env.JWT_AUDIENCE, jwksUrl: env.JWT_JWKS_URL ?? jwksUrlOf(env.JWT_ISSUER) };
}

const jwksUrlOf = (issuer: string) => `${issuer.replace(/\/$/, '')}/.well-known/jwks.json`;
