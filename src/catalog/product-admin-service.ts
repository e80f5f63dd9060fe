import type { Cache } from '../cache/cache.js';
import type { WriteTrace } from '../cache/document-write.js';
import type { Armed } from '../cache/truth-ports.js';
import { AppError } from '../errors.js';
import { admitsVersion } from './etag.js';
import { requireCurrency } from './money.js';
import type { ProductDocument, ProductReads, ProductTransaction, ProductWrites } from './ports.js';
import type { PriceWriteLog } from './price-writes.js';
import { type ProductRecord, toProduct } from './product.js';
import { applyPatch, blankProduct } from './product-editor.js';
import type { AdminProduct, ProductPatch } from './product-input.js';
import type { ProductState } from './product-state.js';
import { isSameState } from './same-state.js';
import { againWhenMoved, Unchanged } from './write-attempt.js';
import { keysOf } from './write-keys.js';

export interface ProductAdminService {
  /** Throws `not_found`. Archived products and drafts are found. */
  get(id: string, currency: string | undefined): Promise<AdminProduct>;
  /** Throws `slug_taken`, `unusable`, `unknown_category`, `unknown_currency`. */
  create(input: ProductPatch): Promise<AdminProduct>;
  /** Also throws `not_found` and, where `ifMatch` does not name the version that stands, `version_mismatch`. */
  update(id: string, patch: ProductPatch, ifMatch: string | undefined): Promise<AdminProduct>;
  archive(id: string, ifMatch: string | undefined): Promise<AdminProduct>;
}

/** Products as editors see and change them. A change that changes nothing is answered like any other and leaves the version alone. */
export function createProductAdminService(deps: {
  reads: Pick<ProductReads, 'state'>;
  writes: Pick<ProductWrites, 'transaction'>;
  cache: Pick<Cache, 'write'>;
  log: PriceWriteLog;
  defaultCurrency: string;
  now: () => Date;
}): ProductAdminService {
  const { writes, cache, defaultCurrency } = deps;

  function log(trace: WriteTrace, { id, version }: ProductDocument) {
    deps.log.add(trace, { productId: id, variantId: null, version, answeredAt: deps.now().getTime() });
  }

  async function edit(
    id: string,
    patch: ProductPatch,
    ifMatch: string | undefined,
    row: 'adminProductEdit' | 'adminProductDrop',
  ): Promise<AdminProduct> {
    /** The state to be saved; throws where it must not be, and `Unchanged` where it stands already. */
    const decide = (stands: { state: ProductState; version: number } | null | undefined, answer: () => AdminProduct | null): ProductState => {
      if (!stands) throw notFound(id);
      if (!admitsVersion(ifMatch, stands.version)) throw versionMismatch(stands.version);
      const state = applyPatch(stands.state, patch, defaultCurrency);
      if (isSameState(stands.state, state)) throw new Unchanged(answer());
      return state;
    };
    const edited = await againWhenMoved(async (spentMs): Promise<AdminProduct | null> => {
      const plan = async () => {
        const stands = await deps.reads.state(id);
        const shown = () => stands && toAdminProduct(stands.document, stands.state, defaultCurrency);
        const planned = decide(stands && { state: stands.state, version: stands.document.version }, shown);
        return {
          keys: keysOf(planned, stands?.state),
          commit: (armed: Armed) =>
            writes.transaction(
              armed,
              async (tx) => {
                const [locked] = await tx.lock({ ids: [id] });
                // What changes nothing now was changed by somebody else meanwhile: the answer is what is read afterwards.
                return saved(
                  tx,
                  decide(locked, () => null),
                  armed.token,
                );
              },
              { productId: id },
            ),
        };
      };
      const { value, trace } = await cache.write(row, plan, { spentMs });
      log(trace, value.document);
      return toAdminProduct(value.document, value.state, defaultCurrency);
    });
    return edited ?? get(id, defaultCurrency);
  }

  async function get(id: string, currency: string): Promise<AdminProduct> {
    const found = await deps.reads.state(id);
    if (!found) throw notFound(id);
    return toAdminProduct(found.document, found.state, currency);
  }

  return {
    async get(id, currency = defaultCurrency) {
      requireCurrency(currency);
      return get(id, currency);
    },
    async create(input) {
      const state = applyPatch(blankProduct(deps.now()), { ...input, variants: input.variants ?? [] }, defaultCurrency);
      const { value, trace } = await cache.write('adminProductMake', async () => ({
        keys: keysOf(state),
        commit: (armed) => writes.transaction(armed, (tx) => saved(tx, state, armed.token)),
      }));
      log(trace, value.document);
      return toAdminProduct(value.document, value.state, defaultCurrency);
    },
    update: (id, patch, ifMatch) => edit(id, patch, ifMatch, 'adminProductEdit'),
    archive: (id, ifMatch) => edit(id, { status: 'archived' }, ifMatch, 'adminProductDrop'),
  };
}

export function notFound(id: string): AppError {
  return new AppError('not_found', `There is no product with the id ${id}`);
}

export function versionMismatch(version: number): AppError {
  return new AppError('version_mismatch', `The product has changed: it stands at version ${version}. Read it again and repeat the change`);
}

async function saved(tx: ProductTransaction, state: ProductState, token: string) {
  const [document] = await tx.save([state], token);
  if (!document) throw new Error('a saved product came back without its document');
  const [locked] = await tx.lock({ ids: [state.id] });
  return { documents: [document], value: { document, state: locked?.state ?? state } };
}

function toAdminProduct(document: ProductDocument, state: ProductState, currency: string): AdminProduct {
  const product = toProduct(JSON.parse(document.json) as ProductRecord, currency);
  const stored = new Map(state.variants.map((variant) => [variant.id, variant]));
  return {
    ...product,
    variants: product.variants.map((variant) => {
      const { prices = [], quantity = 0, policy = 'deny' as const } = stored.get(variant.id) ?? {};
      return { ...variant, prices: prices.map((price) => ({ ...price, validUntil: null })), quantity, policy };
    }),
  };
}
