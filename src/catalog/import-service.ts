import { randomUUID } from 'node:crypto';
import type { Cache } from '../cache/cache.js';
import { isAppError } from '../errors.js';
import { emptyReport, type ImportedProduct, type ImportFault, type ImportItem, type ImportReport } from './import.js';
import { patiently } from './import-patience.js';
import { type Change, planImport, remerge, stronger, type Verdict } from './import-plan.js';
import type { ProductReads, ProductTransaction, ProductWrites } from './ports.js';
import { againWhenMoved, Unchanged } from './write-attempt.js';
import { keysOf } from './write-keys.js';

/** Products per transaction: few enough that other writers never wait long. */
const chunkSize = 200;
/** A report names this many faults at most; the counts go on. */
const maxFaults = 1000;

export interface ImportService {
  /**
   * Writes what an importer yields, each product all or nothing. A dry run does the same and rolls it back. Faults of single products end in
   * the report; what the importer itself throws (a file that cannot be read) and a database that stays away end the run.
   * @param onProgress told after every chunk what is done so far; the same object every time
   * @param signal ends the run between two chunks
   */
  run(
    items: AsyncIterable<ImportItem>,
    options: { isDryRun: boolean; onProgress?: (soFar: ImportReport) => void; signal?: AbortSignal },
  ): Promise<ImportReport>;
}

export function createImportService(deps: {
  reads: Pick<ProductReads, 'statesOf'>;
  writes: Pick<ProductWrites, 'transaction' | 'rehearse'>;
  cache: Pick<Cache, 'write'>;
  now: () => Date;
  /** Runs an import such that its garbage does not pile up; unset: as it is. */
  frugally?: <T>(work: () => Promise<T>) => Promise<T>;
}): ImportService {
  const { reads, writes, cache, now, frugally = (work) => work() } = deps;

  function rehearseChunk(chunk: readonly ImportedProduct[]): Promise<Verdict[]> {
    return writes.rehearse(async (tx) => {
      const locked = await tx.lock({ ids: chunk.flatMap(({ id }) => id ?? []), slugs: chunk.map(({ slug }) => slug) });
      const { verdicts, changes } = planImport(
        chunk,
        locked.map(({ state }) => state),
        now(),
      );
      const states = changes.map(({ state }) => state);
      if (states.length > 0) await tx.save(states, randomUUID());
      return verdicts;
    });
  }

  /** One block for the whole chunk, one wait, one transaction. What changes nothing is neither blocked nor touched. */
  async function writeChunk(chunk: readonly ImportedProduct[], onUnknown: (verdicts: Verdict[]) => void): Promise<Verdict[]> {
    return againWhenMoved(async () => {
      let planned: Verdict[] = [];
      try {
        const { value } = await cache.write(
          'adminImportStart',
          async () => {
            const stands = await reads.statesOf({ ids: chunk.flatMap(({ id }) => id ?? []), slugs: chunk.map(({ slug }) => slug) });
            const { verdicts, changes } = planImport(chunk, stands, now());
            if (changes.length === 0) throw new Unchanged(verdicts);
            planned = verdicts;
            return {
              keys: changes.flatMap(({ state, before }) => keysOf(state, before)),
              commit: (armed) =>
                writes.transaction(armed, async (tx) => ({ value: verdicts, documents: await saveChanges(tx, changes, armed.token, now()) }), {
                  isBulk: true,
                }),
            };
          },
          { isBulk: true },
        );
        return value;
      } catch (error) {
        if (isAppError(error) && error.code === 'write_outcome_unknown') onUnknown(planned);
        throw error;
      }
    }, true);
  }

  /** Tries again where that may help. What an attempt of unknown outcome did after all counts as that attempt meant it, not as unchanged. */
  async function writePatiently(chunk: readonly ImportedProduct[], signal: AbortSignal | undefined): Promise<Verdict[]> {
    let maybe: Verdict[] = [];
    const verdicts = await patiently(
      () =>
        writeChunk(chunk, (unknown) => {
          maybe = unknown.map((verdict, i) => stronger(verdict, maybe[i]));
        }),
      signal,
    );
    return verdicts.map((verdict, i) => stronger(verdict, maybe[i]));
  }

  const run: ImportService['run'] = async (items, { isDryRun, onProgress, signal }) => {
    const report = emptyReport();
    const write = (products: readonly ImportedProduct[]) =>
      isDryRun ? patiently(() => rehearseChunk(products), signal) : writePatiently(products, signal);
    let chunk: ImportedProduct[] = [];
    const fail = (faults: readonly ImportFault[]) => {
      report.products.failed += 1;
      report.errors.push(...faults.slice(0, Math.max(0, maxFaults - report.errors.length)));
    };
    const settle = (product: ImportedProduct, verdict: Verdict) => {
      report.products[verdict] += 1;
      report.variants += product.variants.length;
      report.images += product.media.length;
    };
    async function flush() {
      if (chunk.length === 0) return;
      signal?.throwIfAborted();
      const products = chunk;
      chunk = [];
      try {
        (await write(products)).forEach((verdict, i) => settle(products[i] as ImportedProduct, verdict));
      } catch (error) {
        if (!isProductFault(error)) throw error;
        // One product spoils the transaction of all: each gets its own, so that only the broken one is left out.
        for (const product of products) {
          try {
            for (const verdict of await write([product])) settle(product, verdict);
          } catch (single) {
            if (!isProductFault(single)) throw single;
            fail([{ line: product.line, code: single.code, message: single.message }]);
          }
        }
      }
      onProgress?.(report);
    }
    for await (const { product, faults } of items as AsyncIterable<{ product?: ImportedProduct; faults?: ImportFault[] }>) {
      if (faults) fail(faults);
      if (product) chunk.push(product);
      if (chunk.length === chunkSize) await flush();
    }
    await flush();
    return report;
  };

  return { run: (items, options) => frugally(() => run(items, options)) };
}

/** What was planned from unlocked states, done upon the locked ones: a stock that was sold meanwhile is not taken back by an old plan. */
async function saveChanges(tx: ProductTransaction, changes: readonly Change[], token: string, now: Date) {
  const locked = await tx.lock({ ids: changes.map(({ state }) => state.id), slugs: changes.map(({ state }) => state.slug) });
  const states = remerge(
    changes,
    locked.map(({ state }) => state),
    now,
  );
  return tx.save(states, token);
}

/** What is wrong with one product and no reason to end the run. */
function isProductFault(error: unknown): error is Error & { code: string } {
  return isAppError(error) && ['slug_taken', 'conflict', 'unusable', 'unknown_category', 'too_large', 'keys_moved'].includes(error.code);
}
