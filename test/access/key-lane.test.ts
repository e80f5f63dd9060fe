import { describe, expect, it } from 'vitest';
import type * as LaneModule from '../../src/access/key-lane.js';
import { createKeyLane } from '../../src/access/key-lane.js';
import type { SecretKey } from '../../src/access/ports.js';
import { bundle } from '../sabotage/bundle.js';

const key = (prefix: string): SecretKey => ({
  ...{ id: prefix, prefix, hash: Buffer.alloc(32), name: 'feed', scopes: [], createdBy: 'cli', createdAt: new Date(0), expiresAt: null },
  ...{ revokedAt: null, lastUsedAt: null, replacedBy: null, state: 'active', leftMs: null, unusedMs: null },
});

/** A store that answers when it is told to, of which the keys that begin with `known` exist. */
function held(create: typeof createKeyLane = createKeyLane) {
  const asked: { prefixes: readonly string[]; answer: () => void; fail: (error: Error) => void }[] = [];
  const find = create({
    findSecrets: (prefixes) =>
      new Promise((resolve, reject) => {
        asked.push({ prefixes, answer: () => resolve(prefixes.filter((prefix) => prefix.startsWith('known')).map(key)), fail: reject });
      }),
  });
  return { asked, find };
}
const turn = () => new Promise(setImmediate);

describe('the look-up of keys', () => {
  it('asks at once for the first, and for all that come meanwhile together', async () => {
    const { asked, find } = held();
    const first = find('known 0');
    const rest = ['wrong 1', 'known 1', 'wrong 2'].map(find);
    await turn();
    expect(asked.map(({ prefixes }) => prefixes)).toEqual([['known 0']]);
    asked[0]?.answer();
    expect((await first)?.prefix).toBe('known 0');
    expect(asked.map(({ prefixes }) => prefixes)).toEqual([['known 0'], ['wrong 1', 'known 1', 'wrong 2']]);
    asked[1]?.answer();
    expect((await Promise.all(rest)).map((found) => found?.prefix)).toEqual([undefined, 'known 1', undefined]);
  });

  it('never joins a question that has been sent: the key may have been revoked since', async () => {
    const { asked, find } = held();
    const before = find('known');
    const after = [find('known'), find('known')];
    expect(asked).toHaveLength(1);
    asked[0]?.answer();
    await before;
    expect(asked.map(({ prefixes }) => prefixes)).toEqual([['known'], ['known']]);
    asked[1]?.answer();
    expect((await Promise.all(after)).map((found) => found?.prefix)).toEqual(['known', 'known']);
  });

  async function underWay(create: typeof createKeyLane): Promise<number> {
    const { asked, find } = held(create);
    for (let i = 0; i < 1_000; i += 1) void find(`wrong ${i}`);
    await turn();
    return asked.length;
  }

  it('has one statement under way however many wrong keys come, of a bounded size', async () => {
    expect(await underWay(createKeyLane)).toBe(1);
    const { asked, find } = held();
    const flood = Array.from({ length: 1_000 }, (_, i) => find(`wrong ${i}`));
    const right = find('known');
    for (let i = 0; i < asked.length; i += 1) {
      asked[i]?.answer();
      await turn();
    }
    expect((await right)?.prefix).toBe('known');
    expect(new Set(await Promise.all(flood))).toEqual(new Set([null]));
    expect(Math.max(...asked.map(({ prefixes }) => prefixes.length))).toBe(200);
    expect(asked).toHaveLength(6);
  });

  it('would send them all to Postgres at once, did they not wait for one another', async () => {
    const edit = { file: 'src/access/key-lane.ts', from: 'isUnderWay || waiting.size === 0', to: 'waiting.size === 0' };
    const broken = (await import(await bundle({ entry: 'src/access/key-lane.ts', edits: [edit] }))) as typeof LaneModule;
    expect(await underWay(broken.createKeyLane)).toBe(1_000);
  });

  it('says that there are too many, rather than keep any number waiting', async () => {
    const { find } = held();
    for (let i = 0; i < 10_001; i += 1) void find(`wrong ${i}`);
    await expect(find('one more')).rejects.toMatchObject({ code: 'busy' });
  });

  it('tells a failure to those who waited for that statement, and asks anew for the next', async () => {
    const { asked, find } = held();
    const [lost, next] = [find('known 0'), find('known 1')];
    asked[0]?.fail(new Error('away'));
    await expect(lost).rejects.toThrow('away');
    asked[1]?.answer();
    expect((await next)?.prefix).toBe('known 1');
  });
});
