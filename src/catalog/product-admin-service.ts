import { randomUUID } from 'node:crypto';
import type { Cache } from '../cache/cache.js';
import { AppError } from '../errors.js';
import { admitsVersion } from './etag.js';
import { requireCurrency } from './money.js';
import type { ProductDocument, ProductReads, ProductTransaction, ProductWrites } from './ports.js';
import { type ProductRecord, toProduct } from './product.js';
import { applyPatch, blankProduct } from './product-editor.js';
import type { AdminProduct, ProductPatch } from './product-input.js';
import type { ProductState } from './product-state.js';
import { isSameState } from './same-state.js';

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
  writes: ProductWrites;
  cache: Pick<Cache, 'wrote'>;
  defaultCurrency: string;
  now: () => Date;
}): ProductAdminService {
  const { writes, cache, defaultCurrency } = deps;

  async function edit(
    id: string,
    patch: ProductPatch,
    ifMatch: string | undefined,
    row: 'adminProductEdit' | 'adminProductDrop',
  ): Promise<AdminProduct> {
    const result = await writes.transaction(async (tx) => {
      const [locked] = await tx.lock({ ids: [id] });
      if (!locked) throw notFound(id);
      if (!admitsVersion(ifMatch, locked.version)) throw versionMismatch(locked.version);
      const state = applyPatch(locked.state, patch, defaultCurrency);
      if (isSameState(locked.state, state)) return { ...(await unchanged(tx, id)), isChanged: false };
      return { ...(await save(tx, state)), isChanged: true };
    });
    if (result.isChanged) await cache.wrote(row, [result.document]);
    return toAdminProduct(result.document, result.state, defaultCurrency);
  }

  return {
    async get(id, currency = defaultCurrency) {
      requireCurrency(currency);
      const found = await deps.reads.state(id);
      if (!found) throw notFound(id);
      return toAdminProduct(found.document, found.state, currency);
    },
    async create(input) {
      const state = applyPatch(blankProduct(deps.now()), { ...input, variants: input.variants ?? [] }, defaultCurrency);
      const { document, state: saved } = await writes.transaction((tx) => save(tx, state));
      await cache.wrote('adminProductMake', [document]);
      return toAdminProduct(document, saved, defaultCurrency);
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

async function save(tx: ProductTransaction, state: ProductState) {
  const [document] = await tx.save([state], randomUUID());
  if (!document) throw new Error('a saved product came back without its document');
  const [saved] = await tx.lock({ ids: [state.id] });
  return { document, state: saved?.state ?? state };
}

async function unchanged(tx: ProductTransaction, id: string) {
  const document = (await tx.documents([id])).get(id);
  const [locked] = await tx.lock({ ids: [id] });
  if (!document || !locked) throw notFound(id);
  return { document, state: locked.state };
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
