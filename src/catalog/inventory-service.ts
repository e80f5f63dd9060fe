import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Cache } from '../cache/cache.js';
import { AppError } from '../errors.js';
import type { InventoryReads, ProductWrites } from './ports.js';
import { isAvailable } from './product-state.js';
import { Uuid } from './text.js';

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

export function createInventoryService(deps: { inventory: InventoryReads; writes: ProductWrites; cache: Pick<Cache, 'wrote'> }): InventoryService {
  return {
    async get(variantId) {
      const stock = await deps.inventory.find(variantId);
      if (!stock) throw unknownVariant(variantId);
      return { variantId, quantity: stock.quantity, available: isAvailable(stock) };
    },
    async set(variantId, quantity) {
      const { flipped, stock } = await deps.writes.transaction((tx) => tx.setStock(variantId, quantity, randomUUID()));
      if (flipped) await deps.cache.wrote('adminStock', [flipped]);
      return { variantId, quantity: stock.quantity, available: isAvailable(stock) };
    },
  };
}

function unknownVariant(variantId: string): AppError {
  return new AppError('not_found', `There is no variant with the id ${variantId}`);
}
