import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

export interface TokenIssuer {
  /** Also its address. */
  url: string;
  /** How often its keys were asked for. */
  asked(): number;
  /** A key pair; `isShown` puts it among the published keys. */
  makeKey(kid: string, options?: { alg?: string; isShown?: boolean }): Promise<{ privateKey: CryptoKey; jwk: JWK }>;
  withdraw(kid: string): void;
  /** A token of this issuer, signed by that key, for five minutes unless `claims` say otherwise. */
  sign(kid: string, claims?: JWTPayload): Promise<string>;
  /** What it answers instead of its keys; null: its keys. */
  answer: { status: number; body: string } | 'nothing' | null;
  close(): Promise<void>;
}

export const audience = 'truetag-admin';

/** An issuer of tokens on a free port of this machine. */
export async function startIssuer(): Promise<TokenIssuer> {
  const shown: JWK[] = [];
  const pairs = new Map<string, { privateKey: CryptoKey; alg: string }>();
  let asked = 0;
  const server = createServer((request, response) => {
    if (request.url !== '/.well-known/jwks.json') return void response.writeHead(404).end();
    asked += 1;
    if (issuer.answer === 'nothing') return;
    const { status, body } = issuer.answer ?? { status: 200, body: JSON.stringify({ keys: shown }) };
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const issuer: TokenIssuer = {
    url,
    answer: null,
    asked: () => asked,
    async makeKey(kid, { alg = 'ES256', isShown = true } = {}) {
      const { privateKey, publicKey } = await generateKeyPair(alg);
      const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
      pairs.set(kid, { privateKey, alg });
      if (isShown) shown.push(jwk);
      return { privateKey, jwk };
    },
    withdraw(kid) {
      shown.splice(
        shown.findIndex((key) => key.kid === kid),
        1,
      );
    },
    async sign(kid, claims = {}) {
      const pair = pairs.get(kid);
      if (!pair) throw new Error(`there is no key ${kid}`);
      const now = Math.floor(Date.now() / 1000);
      const payload = { iss: url, aud: audience, sub: 'erp', iat: now, exp: now + 300, ...claims };
      return new SignJWT(payload).setProtectedHeader({ alg: pair.alg, kid }).sign(pair.privateKey);
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return issuer;
}
