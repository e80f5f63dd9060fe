import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Inventory, InventoryChange, type InventoryService } from '../catalog/inventory-service.js';
import type { PriceService } from '../catalog/price-service.js';
import { PriceWrite, type PriceWriteLog } from '../catalog/price-writes.js';
import { PriceChange, PriceChanged } from '../catalog/product-input.js';
import { line, Uuid } from '../catalog/text.js';
import { FoundVariant, type VariantSearch } from '../catalog/variant-search.js';
import { NoQuery } from './no-query.js';
import { adminProblems } from './problems.js';

const tags = ['Admin'];

export interface AdminVariantServices {
  prices: PriceService;
  priceWrites: PriceWriteLog;
  inventory: InventoryService;
  variants: VariantSearch;
}

export const adminVariantRoutes: FastifyPluginAsyncZod<AdminVariantServices> = async (app, { prices, priceWrites, inventory, variants }) => {
  app.patch(
    '/v1/admin/variants/:id/price',
    {
      config: { scope: 'prices:write' },
      schema: {
        tags,
        summary: 'Change a price',
        description: 'The same price again changes nothing and leaves the version.',
        params: z.strictObject({ id: Uuid }),
        querystring: NoQuery,
        headers: z.looseObject({ 'if-match': z.string().optional().describe('"<version>" or the ETag of the product that the change is meant for') }),
        body: PriceChange,
        response: { 200: PriceChanged, ...adminProblems(404, 412, 413, 415, 422) },
      },
    },
    async (request) => prices.setPrice(request.params.id, request.body, request.headers['if-match']),
  );

  app.get(
    '/v1/admin/variants',
    {
      config: { scope: 'catalog:read' },
      schema: {
        tags,
        summary: 'Find variants by SKU',
        description: 'SKUs repeat in real shops, so this is a list: of at most 100.',
        querystring: z.strictObject({ sku: line(255) }),
        response: { 200: z.strictObject({ data: z.array(FoundVariant) }), ...adminProblems() },
      },
    },
    async (request) => ({ data: await variants.bySku(request.query.sku) }),
  );

  app.put(
    '/v1/admin/inventory/:variantId',
    {
      config: { scope: 'inventory:write' },
      schema: {
        tags,
        summary: 'Set the stock of a variant',
        params: z.strictObject({ variantId: Uuid }),
        querystring: NoQuery,
        body: InventoryChange,
        response: { 200: Inventory, ...adminProblems(404, 413, 415) },
      },
    },
    async (request) => inventory.set(request.params.variantId, request.body.quantity),
  );

  app.get(
    '/v1/admin/price-writes',
    {
      config: { scope: 'cache:read' },
      schema: {
        tags,
        summary: 'The last price writes of this process',
        description: 'Of the price endpoint and of whole products; imports are not told.',
        querystring: NoQuery,
        response: { 200: z.strictObject({ data: z.array(PriceWrite) }), ...adminProblems() },
      },
    },
    async () => ({ data: priceWrites.list() }),
  );
};
