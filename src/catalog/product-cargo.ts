import type { ProductPatch } from './product-input.js';

/** Whether a change of a product says anything of prices, be it what stands already: a variant that is sent without any keeps its own. */
export function carriesPrices({ variants = [] }: ProductPatch): boolean {
  return variants.some(({ price, prices }) => price !== undefined || prices !== undefined);
}

/** The same of the stock, and of what happens when it is used up. */
export function carriesStock({ variants = [] }: ProductPatch): boolean {
  return variants.some(({ quantity, policy }) => quantity !== undefined || policy !== undefined);
}
