import { beforeEach, describe, expect, it } from 'vitest';
import { createDocumentEntry, type HeldDocument } from '../../src/cache/held-document.js';
import { createMemory } from '../../src/cache/memory.js';
import { createSampler, type Sampler, type StaleRead } from '../../src/cache/sampler.js';
import { turns } from './fake-clock.js';
import { createHeldSource, documentAt, type HeldSource } from './held-source.js';

const lookup = 'slug:lamp';
const stale: StaleRead[] = [];
let source: HeldSource;
beforeEach(() => {
  stale.length = 0;
  source = createHeldSource();
});

const open = (every = 1) => createSampler({ source, every, onStale: (read) => stale.push(read) });
/** As the reads of documents do it. */
function hit(sampler: Sampler, shown: HeldDocument, isHit: () => boolean) {
  if (sampler.isDue()) sampler.sample(lookup, shown, isHit);
}
const held = (version: number) =>
  createDocumentEntry(createMemory(10_000), 'key', { ...documentAt(version, 100), epoch: 1, knownAt: 0, freshUntil: 1 }).entry;

describe('the sampler', () => {
  it('asks Postgres about one hit in so many', async () => {
    const sampler = open(10);
    for (let count = 1; count <= 30; count += 1) {
      hit(sampler, held(1), () => true);
      if (count % 10 === 0) {
        (await source.nextVersions()).answer([documentAt(1, 100)]);
        await turns();
      }
    }
    expect(source.sent.versions).toBe(3);
    expect(sampler.counts()).toEqual({ hits: 30, samples: 3, stale: 0, failed: 0 });
    expect(stale).toEqual([]);
  });

  it('counts a hit as stale that memory would repeat after Postgres has named another version, and says which', async () => {
    const sampler = open();
    hit(sampler, held(1), () => true);
    (await source.nextVersions()).answer([documentAt(2, 200)]);
    await turns();
    expect(sampler.counts()).toMatchObject({ samples: 1, stale: 1 });
    expect(stale).toEqual([{ lookup, shown: { version: 1, token: 'token-1' }, stands: { version: 2, token: 'token-2' } }]);
  });

  it.each([
    ['the same version of another write', [documentAt(1, 100, { token: 'restored' })]],
    ['nothing at all', []],
  ])('counts a hit as stale where Postgres names %s', async (_, stands) => {
    const sampler = open();
    hit(sampler, held(1), () => true);
    (await source.nextVersions()).answer(stands);
    await turns();
    expect(sampler.counts().stale).toBe(1);
  });

  it('does not count a hit that memory would not repeat: the write may have been made since', async () => {
    const sampler = open();
    let isHit = true;
    hit(sampler, held(1), () => isHit);
    const query = await source.nextVersions();
    isHit = false;
    query.answer([documentAt(2, 200)]);
    await turns();
    expect(sampler.counts()).toEqual({ hits: 1, samples: 1, stale: 0, failed: 0 });
  });

  it('never has two questions under way, and goes on after one that failed', async () => {
    const sampler = open();
    for (let count = 0; count < 5; count += 1) hit(sampler, held(1), () => true);
    expect(source.sent.versions).toBe(1);
    (await source.nextVersions()).fail(new Error('the database is away'));
    await turns();
    expect(sampler.counts()).toEqual({ hits: 5, samples: 0, stale: 0, failed: 1 });
    hit(sampler, held(1), () => true);
    expect(source.sent.versions).toBe(2);
  });
});
