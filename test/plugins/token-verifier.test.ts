import { createHmac } from 'node:crypto';
import { type CryptoKey, exportSPKI, importJWK, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TokenVerifier } from '../../src/access/ports.js';
import type * as VerifierModule from '../../src/plugins/token-verifier.js';
import { createTokenVerifier, type TokenVerifierOptions } from '../../src/plugins/token-verifier.js';
import { bundle } from '../sabotage/bundle.js';
import type { Edit } from '../sabotage/edit.js';
import { audience, startIssuer, type TokenIssuer } from './token-issuer.js';

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const nowS = () => Math.floor(Date.now() / 1000);

describe('a token', () => {
  let issuer: TokenIssuer;
  beforeEach(async () => {
    issuer = await startIssuer();
    await issuer.makeKey('one');
  });
  afterEach(() => issuer.close());

  const settings = (changes: Partial<TokenVerifierOptions> = {}): TokenVerifierOptions => ({
    ...{ issuer: issuer.url, audience, jwksUrl: `${issuer.url}/.well-known/jwks.json`, cooldownMs: 0, timeoutMs: 300 },
    ...changes,
  });
  const verifier = (changes: Partial<TokenVerifierOptions> = {}) => createTokenVerifier(settings(changes));
  const outcome = async (token: string, of: TokenVerifier = verifier()) => {
    const told = await of.verify(token);
    return 'refused' in told ? `refused${told.isGuess ? ' as a guess' : ''}` : 'taken';
  };

  it('of the issuer and for this service is taken, with whom it names and what it allows', async () => {
    const cases: [object, string[]][] = [
      [{ scope: 'prices:write catalog:read' }, ['prices:write', 'catalog:read']],
      [{ scp: 'prices:write' }, ['prices:write']],
      [{ scp: ['prices:write', 'keys:admin'] }, ['prices:write', 'keys:admin']],
      [{ permissions: ['inventory:write'], scope: 'openid' }, ['openid', 'inventory:write']],
      [{ scope: 7, permissions: [{ all: true }, null, 'catalog:read'] }, ['catalog:read']],
      [{}, []],
    ];
    for (const [claims, scopes] of cases) {
      expect(await verifier().verify(await issuer.sign('one', { ...claims }))).toEqual({ subject: 'erp', scopes });
    }
    expect(await outcome(await issuer.sign('one', { aud: ['other', audience] }))).toBe('taken');
  });

  it.each(['RS256', 'PS256', 'ES384', 'EdDSA'])('signed with %s is taken', async (alg) => {
    await issuer.makeKey(alg, { alg });
    expect(await outcome(await issuer.sign(alg))).toBe('taken');
  });

  it('that is signed by nobody, or by whoever has read the public key, is refused', async () => {
    const claims = { iss: issuer.url, aud: audience, sub: 'erp', exp: nowS() + 300, scope: 'keys:admin' };
    for (const alg of ['none', 'None', 'NONE', ''])
      expect(await outcome(`${encoded({ alg, kid: 'one' })}.${encoded(claims)}.`)).toBe('refused as a guess');
    const { jwk } = await issuer.makeKey('rsa', { alg: 'RS256' });
    const pem = await exportSPKI((await importJWK(jwk, 'RS256')) as CryptoKey);
    for (const secret of [pem, pem.trim(), JSON.stringify(jwk), jwk.n ?? '', '']) {
      const text = `${encoded({ alg: 'HS256', kid: 'rsa' })}.${encoded(claims)}`;
      expect(await outcome(`${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`)).toBe('refused as a guess');
    }
  });

  it('that brings its own key, or names a place where one could be had, is refused', async () => {
    const { privateKey, jwk } = await issuer.makeKey('own', { isShown: false });
    const claims = { iss: issuer.url, aud: audience, sub: 'erp', exp: nowS() + 300 };
    for (const header of [{ jwk }, { jku: `${issuer.url}/.well-known/jwks.json` }, { kid: 'one' }, { kid: 'own' }, {}]) {
      const token = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', ...header }).sign(privateKey);
      expect(await outcome(token)).toBe('refused as a guess');
    }
  });

  it('that was changed after it was signed is refused', async () => {
    const [head, body, signature] = (await issuer.sign('one', { scope: 'catalog:read' })).split('.');
    const changed = { ...JSON.parse(Buffer.from(body ?? '', 'base64url').toString()), scope: 'keys:admin' };
    expect(await outcome(`${head}.${encoded(changed)}.${signature}`)).toBe('refused as a guess');
    expect(await outcome(`${head}.${body}.`)).toBe('refused as a guess');
  });

  it('of another issuer, for another service, without a subject or an end is refused', async () => {
    const wrong = [{ iss: 'https://other.test' }, { iss: `${issuer.url}/` }, { aud: 'other' }, { aud: [] }, { exp: undefined }, { sub: undefined }];
    for (const claims of [...wrong, { iss: undefined }, { aud: undefined }]) expect(await outcome(await issuer.sign('one', claims))).toBe('refused');
  });

  it('is refused after its end and before its beginning, give or take thirty seconds', async () => {
    const cases: [object, string][] = [
      [{ exp: nowS() - 20 }, 'taken'],
      [{ exp: nowS() - 40 }, 'refused'],
      [{ nbf: nowS() + 20 }, 'taken'],
      [{ nbf: nowS() + 40 }, 'refused'],
    ];
    for (const [claims, expected] of cases) expect(await outcome(await issuer.sign('one', { ...claims }))).toBe(expected);
    expect(await verifier().verify(await issuer.sign('one', { exp: nowS() - 40 }))).toMatchObject({ refused: 'This token has expired' });
  });

  it('is taken where its key is new, and no longer where its key was withdrawn and the old set has had its time', async () => {
    const lasting = verifier();
    const brief = verifier({ believedMs: 0 });
    const first = await issuer.sign('one');
    expect([await outcome(first, lasting), await outcome(first, brief)]).toEqual(['taken', 'taken']);
    await issuer.makeKey('two');
    issuer.withdraw('one');
    const second = await issuer.sign('two');
    expect([await outcome(second, lasting), await outcome(second, brief)]).toEqual(['taken', 'taken']);
    expect([await outcome(first, lasting), await outcome(first, brief)]).toEqual(['refused as a guess', 'refused as a guess']);
  });

  it('of a key that nobody has heard of makes the keys be fetched once, and not for every such token', async () => {
    const calm = verifier({ cooldownMs: 30_000 });
    await issuer.makeKey('hidden', { isShown: false });
    const token = await issuer.sign('hidden');
    for (let i = 0; i < 20; i += 1) expect(await outcome(token, calm)).toBe('refused as a guess');
    expect(issuer.asked()).toBe(1);
  });

  it('cannot be told, and is not taken, where the keys cannot be had', async () => {
    const token = await issuer.sign('one');
    const answers: TokenIssuer['answer'][] = [
      { status: 500, body: '{}' },
      { status: 302, body: '' },
      { status: 200, body: 'no json' },
      { status: 200, body: '{"keys":7}' },
      { status: 200, body: ' '.repeat(2 ** 18 + 1) },
      'nothing',
    ];
    for (const answer of answers) {
      issuer.answer = answer;
      await expect(verifier().verify(token), JSON.stringify(answer).slice(0, 50)).rejects.toMatchObject({ code: 'issuer_unavailable' });
    }
    await expect(verifier({ jwksUrl: 'http://127.0.0.1:1/keys' }).verify(token)).rejects.toMatchObject({ code: 'issuer_unavailable' });
  });

  it('does not ask an issuer that fails again and again within a second', async () => {
    const token = await issuer.sign('one');
    const patient = verifier();
    issuer.answer = { status: 500, body: '' };
    for (let i = 0; i < 10; i += 1) await expect(patient.verify(token)).rejects.toMatchObject({ code: 'issuer_unavailable' });
    expect(issuer.asked()).toBe(1);
  });

  it('says who it names before it is believed, in characters that a log takes', async () => {
    expect(verifier().subjectOf(await issuer.sign('one', { sub: 'a b\u0000ü' }))).toBe('a?b??');
    for (const other of ['', 'a.b.c', 'ttk_0123456789_abc', 'x'.repeat(10_000)]) expect(verifier().subjectOf(other)).toBeNull();
  });

  it.each<[string, () => object, Edit]>([
    [
      'audience',
      () => ({ aud: 'other' }),
      { file: 'src/plugins/token-verifier.ts', from: '{ issuer, audience, algorithms,', to: '{ issuer, algorithms,' },
    ],
    [
      'issuer',
      () => ({ iss: 'https://other.test' }),
      { file: 'src/plugins/token-verifier.ts', from: '{ issuer, audience, algorithms,', to: '{ audience, algorithms,' },
    ],
    [
      'end',
      () => ({ exp: undefined }),
      { file: 'src/plugins/token-verifier.ts', from: "const requiredClaims = ['exp', 'sub'];", to: "const requiredClaims = ['sub'];" },
    ],
  ])('would be taken whatever its %s, were it not asked for', async (_, claims, edit) => {
    const { createTokenVerifier: careless } = (await import(await bundle({ entry: edit.file, edits: [edit] }))) as typeof VerifierModule;
    expect(await outcome(await issuer.sign('one', { ...claims() }), careless(settings()))).toBe('taken');
  });
});
