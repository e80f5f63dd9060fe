import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { Inventory, type InventoryService } from '../catalog/inventory-service.js';
import { Uuid } from '../catalog/text.js';
import { tellCache } from './http-cache.js';
import { NoQuery } from './no-query.js';
import { problems } from './problems.js';

export const inventoryRoutes: FastifyPluginAsyncZod<{ inventory: InventoryService }> = async (app, { inventory }) => {
  app.get(
    '/v1/inventory/:variantId',
    {
      config: { tells: ['cache-status'], isShedFirst: true },
      schema: {
        tags: ['Storefront'],
        summary: 'Read the stock of a variant, never from a cache',
        params: z.strictObject({ variantId: Uuid }),
        querystring: NoQuery,
        response: { 200: Inventory, ...problems(404) },
      },
    },
    async (request, reply) => {
      tellCache(reply, 'bypass');
      return inventory.get(request.params.variantId);
    },
  );
};
