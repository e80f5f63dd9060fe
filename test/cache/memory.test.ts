import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCounters } from '../../src/cache/counters.js';
import { createDocuments } from '../../src/cache/documents.js';
import { createMemory } from '../../src/cache/memory.js';
import { createRedisStore } from '../../src/cache/redis-store.js';
import { createFakeClock } from './fake-clock.js';
import { createHeldLease } from './held-lease.js';
import { documentAt } from './held-source.js';
import { createTableSource } from './table-source.js';

const maxBytes = 1_000_000;

function open(source = createTableSource()) {
  const memory = createMemory(maxBytes);
  const clock = createFakeClock();
  const error = () => new Error('unexpected');
  const store = createRedisStore(null);
  const documents = createDocuments({
    source,
    memory,
    store,
    clock,
    lease: createHeldLease(clock, memory.delete),
    isLost: null,
    sampler: null,
    catalogId: 'c',
    counters: createCounters(),
    overload: error,
    timeout: error,
  });
  return { memory, documents };
}

describe('the memory tier', () => {
  it('never holds more bytes than it may, whatever is put into it', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ key: fc.nat(50), bytes: fc.nat(2 * maxBytes) }), { maxLength: 200 }), (writes) => {
        const memory = createMemory(maxBytes);
        for (const { key, bytes } of writes) {
          memory.set(`key ${key}`, {}, bytes);
          expect(memory.usage().bytes).toBeLessThanOrEqual(maxBytes);
        }
      }),
    );
  });

  it('gives up what was used least recently', () => {
    const memory = createMemory(maxBytes);
    for (let i = 0; i < 50; i += 1) {
      memory.set(`key ${i}`, {}, maxBytes / 10);
      memory.get('key 0');
    }
    expect(memory.get('key 0')).toBeDefined();
    expect(memory.get('key 1')).toBeUndefined();
    expect(memory.get('key 49')).toBeDefined();
  });

  it('does not take what would leave room for nothing else, and forgets what it replaces', () => {
    const memory = createMemory(maxBytes);
    memory.set('key', { version: 1 }, 10);
    memory.set('key', { version: 2 }, maxBytes / 2);
    expect(memory.get('key')).toBeUndefined();
  });

  it('stays within its bytes when more documents are read than it can hold', async () => {
    const all = Array.from({ length: 300 }, (_, i) =>
      documentAt(1, 100, { id: `id-${i}`, slug: `lamp-${i}`, json: JSON.stringify(randomBytes(5_000).toString('hex')) }),
    );
    const { memory, documents } = open(createTableSource(...all));
    for (const { slug } of all) await documents.read('productDetail', `slug:${slug}`);
    expect(memory.usage().bytes).toBeLessThanOrEqual(maxBytes);
    expect(memory.usage().entries).toBeLessThan(2 * all.length);
    expect(documents.hit('productDetail', 'lamp-299')).toMatchObject({ slug: 'lamp-299' });
    expect(documents.hit('productDetail', 'lamp-0')).toBeUndefined();
  });

  it('stays within its bytes when more absences are remembered than it can hold', async () => {
    const { memory, documents } = open();
    await documents.readMany(
      'productBatch',
      Array.from({ length: 5_000 }, (_, i) => `slug:none-${i}`),
    );
    expect(memory.usage().bytes).toBeLessThanOrEqual(maxBytes);
    expect(memory.usage().entries).toBeLessThan(5_000);
  });

  it('counts what is derived from a document, and derives it once', async () => {
    const { memory, documents } = open(createTableSource(documentAt(1, 100)));
    const { held } = await documents.read('productDetail', 'slug:lamp');
    const before = memory.usage().bytes;
    let made = 0;
    const derive = () =>
      held?.derive(
        'page',
        () => {
          made += 1;
          return Buffer.alloc(50_000);
        },
        ({ length }) => length,
      );
    expect(derive()).toBe(derive());
    expect(made).toBe(1);
    expect(memory.usage().bytes - before).toBeGreaterThanOrEqual(50_000);
    expect(memory.usage().bytes - before).toBeLessThan(51_000);
  });

  it('does not count what is derived from a document that has been replaced', async () => {
    const { memory, documents } = open(createTableSource(documentAt(1, 100)));
    const { held } = await documents.read('productDetail', 'slug:lamp');
    documents.install(documentAt(2, 200), ['slug:lamp']);
    const before = memory.usage().bytes;
    held?.derive(
      'page',
      () => Buffer.alloc(50_000),
      ({ length }) => length,
    );
    expect(memory.usage().bytes).toBe(before);
    expect(documents.hit('productDetail', 'lamp')).toMatchObject({ version: 2 });
  });
});
