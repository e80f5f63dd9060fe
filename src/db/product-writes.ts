import type { Armed } from '../cache/truth-ports.js';
import type { LockedProduct, ProductTransaction, ProductWrites, WriteWork } from '../catalog/ports.js';
import { AppError } from '../errors.js';
import { armedKeys, armPriceCalls, readArmedPrice } from './arm-price.js';
import { blockChannel } from './channels.js';
import type { Database } from './client.js';
import { createEagerTransactions } from './eager-transaction.js';
import { inTurn } from './one-message.js';
import { setPrice } from './price-write.js';
import { selectStates } from './product-state-sql.js';
import { createProductTurns } from './product-turns.js';
import { saveProducts } from './save-products.js';
import { createPoolQuery, isUnsent, type Query, type Statement } from './statement.js';
import { setStock } from './stock-write.js';
import { isStorable, isUuid } from './storable.js';
import { armedTransaction, type Ended, rehearsal, transaction, type Work } from './transaction.js';

const lockSql: Statement = {
  name: 'product_lock',
  text: `
    SELECT p.id FROM product p WHERE p.id IN (
        SELECT unnest($1::uuid[])
        UNION SELECT named.id FROM product named WHERE named.slug = ANY ($2::text[])
    ) ORDER BY p.id FOR UPDATE OF p`,
};

const productOfSql: Statement = { name: 'product_of_variant', text: 'SELECT v.product_id AS id FROM variant v WHERE v.id = $1' };

/** With somebody waiting for the answer, and others for a product whose change was stopped: longer than readers are waited for, less than 1.1 leases. */
const promptBounds = { answerMs: 2000, idleMs: 1000 };

/** Writes of products, each in a transaction on one held connection. */
export function createProductWrites({ pool }: Pick<Database, 'pool'>, catalogId: string): ProductWrites {
  const channel = blockChannel(catalogId);
  const eager = createEagerTransactions(pool);
  const query = createPoolQuery(pool);
  const turnOf = createProductTurns();
  return {
    async armPrice(round, variantId, change, work) {
      if (!isUuid(variantId)) return { stands: null, armed: null, begun: null };
      const calls = armPriceCalls(round, channel, variantId, change);
      const begun = eager.begin({ token: round.token, keyCount: armedKeys, calls }, toldOf(work), promptBounds);
      try {
        const { stands, armed } = readArmedPrice(await (begun?.led ?? inTurn(pool, calls)), change.currency);
        if (begun && stands && armed) {
          const turn = turnOf(stands.productId);
          const commit = async (blocked: Armed) => toCommit(await begun.commit({ ...blocked, channel, turn }));
          return { stands, armed, begun: { commit, drop: begun.drop } };
        }
        begun?.drop();
        return { stands, armed, begun: null };
      } catch (error) {
        begun?.drop();
        if (isUnsent(error)) return { refused: error };
        throw error;
      }
    },
    async transaction(armed, work, { isBulk = false, isEager = false, productId } = {}) {
      const told = { ...armed, channel, turn: productId === undefined ? undefined : turnOf(productId) };
      if (isEager) return toCommit(await eager.run(told, toldOf(work), promptBounds));
      return toCommit(await armedTransaction(pool, told, toldOf(work), isBulk ? undefined : promptBounds));
    },
    rehearse: (work) => rehearsal(pool, (query, ahead) => work(productTransaction(query, ahead, 0))),
    async setStock(variantId, quantity) {
      const [product] = isUuid(variantId) ? await query<{ id: string }>(productOfSql, [variantId]) : [];
      const set = async () => surely(await transaction(pool, (held) => setStock(held, variantId, quantity), promptBounds));
      return product ? turnOf(product.id)(set) : set();
    },
  };
}

/** After `begin_write`, which raises the versions by one. */
function toldOf<T>(work: WriteWork<T>): Work<Awaited<ReturnType<WriteWork<T>>>> {
  return (query, ahead) => work(productTransaction(query, ahead, 1));
}

function toCommit<T>({ value, isKnown }: Ended<Awaited<ReturnType<WriteWork<T>>>>) {
  return { ...value, isKnown };
}

/** Of a transaction that may be repeated, so that an unknown end needs no search for it. */
function surely<T>({ value, isKnown }: Ended<T>): T {
  if (!isKnown) throw new AppError('write_outcome_unknown', 'The change may or may not have been made: the database was lost while it was saved');
  return value;
}

/** @param bumps by how much `begin_write` has raised the versions that stand */
function productTransaction(query: Query, ahead: Query, bumps: number): ProductTransaction {
  return {
    lock: async (by) => (await lock(query, by)).map(({ state, version }) => ({ state, version: version - bumps })),
    save: (states, token) => saveProducts(query, states, token),
    setPrice: async (variantId, change, token) => {
      const { stood, document } = await setPrice(ahead, variantId, change, token);
      return { stood: { ...stood, version: stood.version - bumps }, document };
    },
    setStock: (variantId, quantity) => setStock(query, variantId, quantity, true),
  };
}

/** First the locks, then the states in a statement of their own: its snapshot holds what the locks waited for. */
async function lock(query: Query, { ids = [], slugs = [] }: Parameters<ProductTransaction['lock']>[0]): Promise<LockedProduct[]> {
  const rows = await query<{ id: string }>(lockSql, [ids.filter(isUuid), slugs.filter(isStorable)]);
  return selectStates(
    query,
    rows.map(({ id }) => id),
  );
}
