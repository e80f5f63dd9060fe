import pg from 'pg';
import { describe, expect, it } from 'vitest';
import type * as AppModule from '../../src/app.js';
import { type Config, loadConfig } from '../../src/config.js';
import { keyIn } from '../access/open-keys.js';
import { adminKey, asAdmin, startService } from '../harness/service.js';
import { openShop } from '../routes/open-shop.js';
import { bundle } from '../sabotage/bundle.js';
import type { Edit } from '../sabotage/edit.js';

const call = '/v1/admin/variants?sku=none';
const as = (key: string) => ({ authorization: `Bearer ${key}` });
const guess = (index: number) => as(`guess-${index}-${'x'.repeat(32)}`);

/** Sends guesses at the first key, as many at once as an instance takes from one caller. */
async function guessAt(http: { get(url: string): { set(headers: object): PromiseLike<{ status: number }> } }, count: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let from = 0; from < count; from += 10) {
    const some = Array.from({ length: Math.min(10, count - from) }, (_, i) => http.get(call).set(guess(from + i)));
    statuses.push(...(await Promise.all(some)).map(({ status }) => status));
  }
  return statuses;
}

describe('an address that sends wrong keys', () => {
  const shop = openShop({ redis: false });
  /** An instance that has seen nobody yet. */
  async function onFreshInstance(work: (http: (typeof shop)['http']) => Promise<void>, config: Partial<Config> = {}): Promise<void> {
    const service = await startService(shop.databaseUrl, config);
    try {
      await work(service.http);
    } finally {
      await service.close();
    }
  }
  /** An instance with one rule broken. */
  async function onBroken(edit: Edit, work: (ask: (headers: Record<string, string>) => Promise<number>) => Promise<void>): Promise<void> {
    const { createApp } = (await import(await bundle({ entry: 'src/app.ts', edits: [edit] }))) as typeof AppModule;
    const config = loadConfig({ LOG_LEVEL: 'silent', PORT: '0', MIGRATE: 'false', ADMIN_API_KEY: adminKey });
    const { fastify } = await createApp({ ...config, databaseUrl: shop.databaseUrl });
    try {
      await work(async (headers) => (await fastify.inject({ url: call, headers: { host: 'shop', ...headers } })).statusCode);
    } finally {
      await fastify.close();
    }
  }
  const fresh = async () => as(await keyIn(shop.databaseUrl, { name: 'fresh', scopes: ['catalog:read'] }));

  it('is told after ten of them that there were too many, and when to come back', () =>
    onFreshInstance(async (http) => {
      for (let i = 0; i < 10; i += 1) await http.get(call).set(guess(i)).expect(401);
      const { body, headers } = await http.get(call).set(guess(10)).expect(429);
      expect(body).toMatchObject({ status: 429, code: 'too_many_wrong_keys', title: 'Too many requests' });
      const waitS = Number(headers['retry-after']);
      expect(waitS).toBeGreaterThan(0);
      expect(waitS).toBeLessThanOrEqual(60);
    }));

  it('locks out no key of the database, used there before or not: nobody can have guessed it', () =>
    onFreshInstance(async (http) => {
      const flood = await guessAt(http, 150);
      expect(flood.at(-1)).toBe(429);
      for (let i = 0; i < 20; i += 1)
        await http
          .get(call)
          .set(as(`ttk_${String(i).padStart(10, '0')}_${'0'.repeat(48)}`))
          .expect(429);
      for (let i = 0; i < 3; i += 1)
        await http
          .get(call)
          .set(await fresh())
          .expect(200);
    }));

  it('would lock out a key that has not been used there, were nothing looked at any more', async () => {
    const from = '      // Whatever came from there before';
    const to = `      if (guesses.failed(address) > 0) throw tooMany(60);\n${from}`;
    await onBroken({ file: 'src/access/authenticator.ts', from, to }, async (ask) => {
      for (let i = 0; i < 12; i += 1) await ask(guess(i));
      expect(await ask(await fresh())).toBe(429);
    });
  });

  it('may still have the right key of ADMIN_API_KEY, until it has sent a hundred others', () =>
    onFreshInstance(async (http) => {
      await guessAt(http, 99);
      await http.get(call).set(asAdmin).expect(200);
      await http.get(call).set(guess(99)).expect(429);
      const { headers, body } = await http.get(call).set(asAdmin).expect(429);
      expect(body).toMatchObject({ code: 'too_many_wrong_keys' });
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    }));

  it('is not let off for having used ADMIN_API_KEY before: whoever guesses may sit behind the same address', () =>
    onFreshInstance(async (http) => {
      for (let i = 0; i < 3; i += 1) await http.get(call).set(asAdmin).expect(200);
      await guessAt(http, 100);
      await http.get(call).set(asAdmin).expect(429);
      await http
        .get(call)
        .set(await fresh())
        .expect(200);
    }));

  it.each<[string, Edit]>([
    ['counted', { file: 'src/access/authenticator.ts', from: '      guesses.missedFirst(address);\n', to: '' }],
    ['heeded', { file: 'src/access/authenticator.ts', from: 'if (waitS === 0) {', to: 'if (waitS >= 0) {' }],
    ['kept for the minute', { file: 'src/access/guess-limit.ts', from: '      stands.count += 1;\n', to: '' }],
  ])('could try keys at ADMIN_API_KEY for ever, were the guard not %s', async (_, edit) => {
    await onBroken(edit, async (ask) => {
      for (let i = 0; i < 150; i += 1) await ask(guess(i));
      expect(await ask(asAdmin)).toBe(200);
    });
  });

  it('does not use up the guard of ADMIN_API_KEY with keys of other forms', () =>
    onFreshInstance(async (http) => {
      const other = (i: number) => as(`ttk_${String(i).padStart(10, '0')}_${'0'.repeat(48)}`);
      for (let i = 0; i < 110; i += 1) await http.get(call).set(other(i));
      await http.get(call).set(asAdmin).expect(200);
    }));

  it('guesses at an ADMIN_API_KEY that has the form of another key as slowly as at any', async () => {
    const prefix = 'ttk_0123456789';
    const first = `${prefix}_${'a'.repeat(48)}`;
    const wrong = (i: number) => as(`${prefix}_${i.toString(16).padStart(48, '0')}`);
    await onFreshInstance(
      async (http) => {
        await http.get(call).set(as(first)).expect(200);
        await Promise.all(Array.from({ length: 100 }, (_, i) => http.get(call).set(wrong(i))));
        await http.get(call).set(as(first)).expect(429);
      },
      { adminApiKey: first },
    );
  });

  it('counts guesses at a known prefix like any other', () =>
    onFreshInstance(async (http) => {
      const prefix = (await keyIn(shop.databaseUrl, { name: 'named', scopes: ['catalog:read'] })).slice(0, 14);
      for (let i = 0; i < 10; i += 1)
        await http
          .get(call)
          .set(as(`${prefix}_${String(i).repeat(48)}`))
          .expect(401);
      await http
        .get(call)
        .set(as(`${prefix}_${'f'.repeat(48)}`))
        .expect(429);
    }));

  it('may send none, and keys that have ended, as often as it likes', () =>
    onFreshInstance(async (http) => {
      const ended = await keyIn(shop.databaseUrl, { name: 'ended', scopes: ['catalog:read'], expiresInDays: 1 }, 2 * 86_400_000);
      for (let i = 0; i < 12; i += 1) {
        await http.get(call).expect(401);
        await http.get(call).set(as(ended)).expect(401);
      }
      await http.get(call).set(asAdmin).expect(200);
    }));

  it('goes on reading the storefront', () =>
    onFreshInstance(async (http) => {
      for (let i = 0; i < 12; i += 1) await http.get(call).set(guess(i));
      await http.get('/v1/products').set(guess(0)).expect(200);
    }));

  /** How many look-ups Postgres was asked at once, at most, while many wrong keys came with a right one among them. */
  async function mostAtOnce(ask: (headers: Record<string, string>) => PromiseLike<number>): Promise<number> {
    const right = await fresh();
    const lookups = watchLookups();
    try {
      const flood = Array.from({ length: 200 }, (_, i) => ask(as(`ttk_${String(i).padStart(10, '0')}_${'0'.repeat(48)}`)));
      const [last, ...others] = (await Promise.all([...flood, ask(right)])).reverse();
      expect(last).toBe(200);
      expect(new Set(others)).toEqual(new Set([401, 429]));
      return lookups.most();
    } finally {
      lookups.stop();
    }
  }

  it('costs Postgres one statement at a time, however many come at once', () =>
    onFreshInstance(async (http) => {
      expect(await mostAtOnce(async (headers) => (await http.get(call).set(headers)).status)).toBe(1);
    }));

  it('would take every connection that there is for keys, did look-ups not wait for one another', async () => {
    const edit = { file: 'src/access/key-lane.ts', from: 'isUnderWay || waiting.size === 0', to: 'waiting.size === 0' };
    await onBroken(edit, async (ask) => expect(await mostAtOnce(ask)).toBeGreaterThan(1));
  });
});

/** Watches the look-ups of keys that this process asks of Postgres. */
function watchLookups() {
  const original = pg.Client.prototype.query;
  let now = 0;
  let most = 0;
  pg.Client.prototype.query = function query(this: pg.Client, ...parameters: unknown[]) {
    const answer = Reflect.apply(original, this, parameters) as unknown as Promise<unknown>;
    if ((parameters[0] as { name?: string } | undefined)?.name === 'api_key_by_prefix') {
      now += 1;
      most = Math.max(most, now);
      const end = () => {
        now -= 1;
      };
      answer.then(end, end);
    }
    return answer;
  } as unknown as typeof original;
  return {
    most: () => most,
    stop: () => {
      pg.Client.prototype.query = original;
    },
  };
}
