import { randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { isAppError } from '../errors.js';
import type { ImportedProduct, ImportFault, ImportItem, ImportReport } from './import.js';
import type { ProductTransaction, ProductWrites } from './ports.js';
import type { ProductState, VariantState } from './product-state.js';
import { isSameState } from './same-state.js';

/** Products per transaction: few enough that other writers never wait long. */
const chunkSize = 200;
/** A report names this many faults at most; the counts go on. */
const maxFaults = 1000;

export interface ImportService {
  /**
   * Writes what an importer yields, each product all or nothing. A dry run does the same and rolls it back. Faults of single products end in
   * the report; what the importer itself throws (a file that cannot be read) and a database that is away end the run.
   * @param onProgress products done so far
   * @param signal ends the run between two chunks
   */
  run(
    items: AsyncIterable<ImportItem>,
    options: { isDryRun: boolean; onProgress?: (products: number) => void; signal?: AbortSignal },
  ): Promise<ImportReport>;
}

type Verdict = 'created' | 'updated' | 'unchanged';

export function createImportService(deps: { writes: ProductWrites; now: () => Date }): ImportService {
  async function writeChunk(chunk: readonly ImportedProduct[], isDryRun: boolean): Promise<Verdict[]> {
    try {
      return await deps.writes.transaction(async (tx) => {
        const verdicts = await saveChunk(tx, chunk, deps.now());
        if (isDryRun) throw new DryRunEnd(verdicts);
        return verdicts;
      });
    } catch (error) {
      if (error instanceof DryRunEnd) return error.verdicts;
      throw error;
    }
  }

  return {
    async run(items, { isDryRun, onProgress, signal }) {
      const report: ImportReport = { products: { created: 0, updated: 0, unchanged: 0, failed: 0 }, variants: 0, images: 0, errors: [] };
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
          (await writeChunk(products, isDryRun)).forEach((verdict, i) => settle(products[i] as ImportedProduct, verdict));
        } catch (error) {
          if (!isProductFault(error)) throw error;
          // One product spoils the transaction of all: each gets its own, so that only the broken one is left out.
          for (const product of products) {
            try {
              for (const verdict of await writeChunk([product], isDryRun)) settle(product, verdict);
            } catch (single) {
              if (!isProductFault(single)) throw single;
              fail([{ line: product.line, code: single.code, message: single.message }]);
            }
          }
        }
        onProgress?.(Object.values(report.products).reduce((sum, count) => sum + count, 0));
      }
      for await (const { product, faults } of items as AsyncIterable<{ product?: ImportedProduct; faults?: ImportFault[] }>) {
        if (faults) fail(faults);
        if (product) chunk.push(product);
        if (chunk.length === chunkSize) await flush();
      }
      await flush();
      return report;
    },
  };
}

async function saveChunk(tx: ProductTransaction, chunk: readonly ImportedProduct[], now: Date): Promise<Verdict[]> {
  const ids = chunk.flatMap(({ id }) => id ?? []);
  const locked = await tx.lock({ slugs: chunk.map(({ slug }) => slug), ids });
  const bySlug = new Map(locked.map(({ state }) => [state.slug, state]));
  const byId = new Map(locked.map(({ state }) => [state.id, state]));
  const verdicts: Verdict[] = [];
  const changed: ProductState[] = [];
  for (const product of chunk) {
    const stands = (product.id && byId.get(product.id)) || bySlug.get(product.slug);
    const state = merge(stands, product, now);
    const isSame = stands !== undefined && isSameState(stands, state);
    verdicts.push(stands ? (isSame ? 'unchanged' : 'updated') : 'created');
    if (!isSame) changed.push(state);
  }
  if (changed.length > 0) await tx.save(changed, randomUUID());
  return verdicts;
}

/** The state that the file asks for. What the file does not speak of stays: ids, other currencies, the day of creation, old slugs. */
function merge(stands: ProductState | undefined, { line: _, pricesCover, variants, ...product }: ImportedProduct, now: Date): ProductState {
  const free = new Set(stands?.variants ?? []);
  const take = (fits: (variant: VariantState) => boolean) => {
    const found = [...free].find(fits);
    if (found) free.delete(found);
    return found;
  };
  const paired = variants.map((variant) => ({ variant, twin: take((v) => (variant.id ? v.id === variant.id : isSameChoice(v, variant))) }));
  // What was renamed in the shop's admin keeps its id by SKU.
  for (const pair of paired) pair.twin ??= pair.variant.sku === null ? undefined : take((v) => v.sku === pair.variant.sku);
  return {
    ...product,
    id: stands?.id ?? product.id ?? uuidv7(),
    createdAt: product.createdAt ?? stands?.createdAt ?? now.toISOString(),
    previousSlugs: product.previousSlugs ?? stands?.previousSlugs ?? [],
    variants: paired.map(({ variant, twin }) => ({
      ...variant,
      id: twin?.id ?? variant.id ?? uuidv7(),
      prices:
        pricesCover === 'all'
          ? variant.prices
          : [...variant.prices, ...(twin?.prices ?? []).filter(({ currency }) => currency !== pricesCover)].sort((a, b) =>
              a.currency < b.currency ? -1 : 1,
            ),
    })),
  };
}

function isSameChoice(a: Pick<VariantState, 'options'>, b: Pick<VariantState, 'options'>): boolean {
  const names = Object.keys(a.options);
  return names.length === Object.keys(b.options).length && names.every((name) => a.options[name] === b.options[name]);
}

/** What is wrong with one product and no reason to end the run. */
function isProductFault(error: unknown): error is Error & { code: string } {
  return isAppError(error) && ['slug_taken', 'conflict', 'unusable', 'unknown_category', 'too_large'].includes(error.code);
}

class DryRunEnd extends Error {
  readonly verdicts: Verdict[];
  constructor(verdicts: Verdict[]) {
    super('dry run');
    this.verdicts = verdicts;
  }
}
