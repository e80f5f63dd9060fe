import { z } from 'zod';
import type { Cache } from '../cache/cache.js';
import { AppError } from '../errors.js';
import type { InventoryReads, ProductWrites, StockRow } from './ports.js';
import { isAvailable } from './product-state.js';
import { Uuid } from './text.js';
import { againWhenMoved, Unchanged } from './write-attempt.js';

export const Inventory = z.strictObject({ variantId: Uuid, quantity: z.int(), available: z.boolean() }).meta({ id: 'Inventory' });
export type Inventory = z.infer<typeof Inventory>;

export const InventoryChange = z
  .strictObject({
    quantity: z.int().min(-1_000_000_000).max(1_000_000_000).describe('The stock from now on; negative where more was sold than there was'),
  })
  .meta({ id: 'InventoryChange' });

export interface InventoryService {
  /** The stock as Postgres has it now. Throws `not_found` for a variant that shoppers cannot see. */
  get(variantId: string): Promise<Inventory>;
  /** Sets the stock. The product's version rises only where `available` flips. Throws `not_found`. */
  set(variantId: string, quantity: number): Promise<Inventory>;
}

export function createInventoryService(deps: {
  inventory: InventoryReads;
  writes: Pick<ProductWrites, 'setStock' | 'transaction'>;
  cache: Pick<Cache, 'write'>;
}): InventoryService {
  return {
    async get(variantId) {
      const stock = await deps.inventory.find(variantId);
      if (!stock) throw unknownVariant(variantId);
      return { variantId, quantity: stock.quantity, available: isAvailable(stock) };
    },
    set: (variantId, quantity) =>
      againWhenMoved(async (spentMs) => {
        const { value } = await deps.cache.write(
          'adminStock',
          async () => {
            const { stock, product } = await deps.writes.setStock(variantId, quantity);
            // Done, without a document that changes.
            if (stock) throw new Unchanged(toInventory(stock));
            return {
              keys: [`id:${product.id}`, `slug:${product.slug}`],
              commit: (armed) =>
                deps.writes.transaction(
                  armed,
                  async (tx) => {
                    const change = await tx.setStock(variantId, quantity);
                    // Somebody else has flipped it meanwhile: the version must not rise for nothing.
                    if (!change.stock || !change.document) throw new AppError('keys_moved', 'The stock was changed meanwhile; try again');
                    return { documents: [change.document], value: change.stock };
                  },
                  { productId: product.id },
                ),
            };
          },
          { isPlanAWrite: true, spentMs },
        );
        return toInventory(value);
      }),
  };
}

function toInventory(stock: StockRow): Inventory {
  return { variantId: stock.variantId, quantity: stock.quantity, available: isAvailable(stock) };
}

function unknownVariant(variantId: string): AppError {
  return new AppError('not_found', `There is no variant with the id ${variantId}`);
}
