import { v7 as newId } from 'uuid';
import type { ProductDocument } from '../catalog/ports.js';
import type { ProductState } from '../catalog/product-state.js';
import { AppError } from '../errors.js';
import { resolveCategories } from './category-paths.js';
import { selectDocuments } from './product-document-sql.js';
import { deleteGoneSql, listsSql, optionsSql, stockAndPricesSql, variantsSql } from './save-children-sql.js';
import { brandsSql, lockExistingSql, productsSql, rangesSql, slugHistorySql } from './save-products-sql.js';
import { rowsOf } from './save-rows.js';
import type { Query } from './statement.js';

/** So many products per round of statements: their JSON stays small, and a round well under the statement timeout. */
const batchSize = 200;

/** Creates or replaces products inside the caller's transaction; see `ProductTransaction.save`. Documents in the order given. */
export async function saveProducts(query: Query, states: readonly ProductState[], token: string): Promise<ProductDocument[]> {
  const documents: ProductDocument[] = [];
  for (let start = 0; start < states.length; start += batchSize) {
    documents.push(...(await saveBatch(query, states.slice(start, start + batchSize), token)));
  }
  return documents;
}

/** A dozen statements, however many products: parents before children, deletions before what takes their place. */
async function saveBatch(query: Query, states: readonly ProductState[], token: string): Promise<ProductDocument[]> {
  const ids = states.map(({ id }) => id);
  const { products, variants, prices, options, variantOptions, tags, media } = rowsOf(states);
  const [variantJson, priceJson] = [JSON.stringify(variants), JSON.stringify(prices)];

  const existing = await query<{ id: string; slug: string }>(lockExistingSql, [ids]);
  await saveBrands(query, states);
  const categoryJson = JSON.stringify(await categoryRows(query, states));
  await query(productsSql, [JSON.stringify(products), variantJson, token, categoryJson]);
  await query(slugHistorySql, [ids, JSON.stringify(oldSlugs(states, new Map(existing.map(({ id, slug }) => [id, slug]))))]);

  await query(deleteGoneSql, [ids, variantJson, priceJson]);
  const written = await query(variantsSql, [variantJson]);
  if (written.length !== variants.length) throw new AppError('conflict', 'A variant belongs to another product');
  await query(stockAndPricesSql, [variantJson, priceJson]);
  await query(optionsSql, [JSON.stringify(options), JSON.stringify(variantOptions)]);
  await query(listsSql, [JSON.stringify(tags), categoryJson, JSON.stringify(media)]);
  await query(rangesSql, [ids]);

  const documents = await selectDocuments(query, ids);
  return ids.flatMap((id) => documents.get(id) ?? []);
}

async function saveBrands(query: Query, states: readonly ProductState[]): Promise<void> {
  const names = [...new Set(states.flatMap(({ brand }) => brand ?? []))];
  if (names.length > 0) await query(brandsSql, [names, names.map(() => newId())]);
}

/** Two paths may lead to one category, which then counts once. */
async function categoryRows(query: Query, states: readonly ProductState[]) {
  const paths = states.flatMap(({ id, categories }) => categories.filter((path) => path.length > 0).map((path) => ({ id, path })));
  const found = await resolveCategories(
    query,
    paths.map(({ path }) => path),
  );
  const byProduct = new Map<string, Set<string>>();
  paths.forEach(({ id }, index) => {
    const categoryId = found[index];
    if (categoryId !== undefined) byProduct.set(id, (byProduct.get(id) ?? new Set()).add(categoryId));
  });
  return [...byProduct].flatMap(([product_id, categoryIds]) =>
    [...categoryIds].map((category_id, position) => ({ product_id, category_id, position })),
  );
}

function oldSlugs(states: readonly ProductState[], slugOf: ReadonlyMap<string, string>) {
  return states.flatMap(({ id, slug, previousSlugs }) => {
    const abandoned = slugOf.get(id);
    const remembered = previousSlugs.map((previous) => ({ slug: previous, product_id: id, abandoned: false }));
    return abandoned === undefined || abandoned === slug ? remembered : [...remembered, { slug: abandoned, product_id: id, abandoned: true }];
  });
}
