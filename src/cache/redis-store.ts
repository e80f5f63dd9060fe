import type { Redis } from 'ioredis';
import { type Breaker, createBreaker } from './breaker.js';
import { withTimeout } from './clock.js';
import { lockKey } from './keys.js';
import { tuning } from './policies.js';
import { scripts } from './redis-scripts.js';
import { seal, unseal } from './seal.js';

/** Redis did not answer this call, or was not asked because it did not answer the one before. */
export const down = Symbol('redis down');
export type Down = typeof down;

/** A document as the second tier holds it. Usable only where version and token equal what Postgres says now. */
export interface StoredDocument {
  version: number;
  token: string;
  body: string;
}

/**
 * The second tier. No call throws, none waits longer than `redisWaitMs`, and none waits at all while Redis is known to be away. What comes
 * back damaged is as good as nothing.
 */
export interface RedisStore {
  isUp(): boolean;
  /** What a read says that went on without Redis: that it is down, or, where none is configured, that memory holds the result now. */
  readonly withoutIt: 'redis-down' | 'stored';
  document(key: string): Promise<StoredDocument | null | Down>;
  /** Refused (false) where a newer version stands there. `life` in ms. */
  putDocument(key: string, document: StoredDocument, life: number): Promise<boolean | Down>;
  fillDocument(key: string, lock: string, document: StoredDocument, life: number): Promise<boolean | Down>;
  /** The text and how much of its life is left, in ms by the clock of Redis. */
  text(key: string): Promise<{ text: string; remainingMs: number } | null | Down>;
  fillText(key: string, lock: string, text: string, life: number): Promise<boolean | Down>;
  /** True where the lock is ours now. */
  lock(key: string, lock: string, ms: number): Promise<boolean | Down>;
  unlock(key: string, lock: string): Promise<void>;
  generations(key: string, fields: readonly string[], start: number): Promise<number[] | Down>;
  /** Each field by so much; gives their numbers. */
  raise(key: string, fields: readonly (readonly [field: string, by: number])[], start: number): Promise<number[] | Down>;
  close(): void;
}

type Scripted = Redis & Record<keyof typeof scripts, (...parameters: (string | number)[]) => Promise<unknown>>;

/** @param client null: memory only, every call answers `down` */
export function createRedisStore(client: Redis | null, onChange?: (isUp: boolean) => void): RedisStore {
  const redis = client as Scripted | null;
  if (redis) for (const [name, script] of Object.entries(scripts)) redis.defineCommand(name, script);
  const breaker: Breaker | null =
    redis &&
    createBreaker({
      probe: () => withTimeout(redis.ping(), tuning.redisWaitMs, () => new Error('no answer')),
      everyMs: tuning.redisProbeMs,
      onStuck: () => redis.status === 'ready' && redis.disconnect(true),
      onChange: (isOpen) => onChange?.(!isOpen),
    });

  const waiting = new Set<() => void>();

  /** Whoever waits already gives up with the first one that waited in vain: behind a pipeline that hangs, the next has not even been sent. */
  function leave() {
    breaker?.trip();
    for (const giveUp of waiting) giveUp();
  }

  async function ask<T>(call: (redis: Scripted) => Promise<T>): Promise<T | Down> {
    if (!redis || !breaker || breaker.isOpen()) return down;
    let giveUp!: () => void;
    const gaveUp = new Promise<Down>((resolve) => {
      giveUp = () => resolve(down);
    });
    waiting.add(giveUp);
    // After a stall of this process the timer is seen before the answer that has long been there: one look at the sockets comes first.
    const timer = setTimeout(() => setImmediate(() => waiting.has(giveUp) && leave()), tuning.redisWaitMs);
    try {
      return await Promise.race([call(redis), gaveUp]);
    } catch (error) {
      if (!isRefusal(error)) leave();
      return down;
    } finally {
      clearTimeout(timer);
      waiting.delete(giveUp);
    }
  }

  return {
    withoutIt: redis === null ? 'stored' : 'redis-down',
    isUp: () => redis !== null && breaker !== null && !breaker.isOpen() && redis.status === 'ready',
    document: (key) =>
      ask(async (r) => {
        const [version, token, body] = await r.hmget(key, 'v', 't', 'b');
        if (!version || !token || !body) return null;
        const text = unseal(body, key, version, token);
        return text === null ? null : { version: Number(version), token, body: text };
      }),
    putDocument: (key, d, life) => ask(async (r) => (await r.ttPutDocument(key, d.version, d.token, sealed(key, d), Math.ceil(life))) === 1),
    fillDocument: (key, lock, d, life) =>
      ask(async (r) => (await r.ttFillDocument(key, lockKey(key), lock, d.version, d.token, sealed(key, d), Math.ceil(life))) === 1),
    text: (key) =>
      ask(async (r) => {
        // The life first: a page that is replaced between the two then seems older than it is, never younger.
        const [remainingMs, stored] = await Promise.all([r.pttl(key), r.get(key)]);
        const text = stored === null || remainingMs <= 0 ? null : unseal(stored, key);
        return text === null ? null : { text, remainingMs };
      }),
    fillText: (key, lock, text, life) => ask(async (r) => (await r.ttFillText(key, lockKey(key), lock, seal(text, key), Math.ceil(life))) === 1),
    lock: (key, lock, ms) => ask(async (r) => (await r.set(lockKey(key), lock, 'PX', ms, 'NX')) === 'OK'),
    unlock: async (key, lock) => {
      await ask((r) => r.ttUnlock(lockKey(key), lock));
    },
    generations: (key, fields, start) =>
      ask(async (r) => {
        const values = await r.hmget(key, ...fields);
        if (values.every((value) => value !== null)) return values.map(Number);
        return raised(await r.ttRaise(key, start, ...fields.flatMap((field) => [0, field])));
      }),
    raise: (key, fields, start) => ask(async (r) => raised(await r.ttRaise(key, start, ...fields.flatMap(([field, by]) => [by, field])))),
    close: () => breaker?.close(),
  };
}

function raised(numbers: unknown): number[] {
  return (numbers as unknown[]).map(Number);
}

function sealed(key: string, { version, token, body }: StoredDocument): string {
  return seal(body, key, version, token);
}

/**
 * Redis answered, and said no: full, read-only, a foreign value under our key. That is no reason to keep away from it, unlike an answer that
 * says it cannot serve at all.
 */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError' && !/^(LOADING|MASTERDOWN|CLUSTERDOWN|NOAUTH|WRONGPASS)/.test(error.message);
}
