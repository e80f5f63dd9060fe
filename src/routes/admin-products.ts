import type { FastifyContextConfig } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { productETag } from '../catalog/etag.js';
import { Currency } from '../catalog/money.js';
import type { ProductAdminService } from '../catalog/product-admin-service.js';
import { carriesPrices, carriesStock } from '../catalog/product-cargo.js';
import { AdminProduct, NewProduct, ProductPatch } from '../catalog/product-input.js';
import { Uuid } from '../catalog/text.js';
import { NoQuery } from './no-query.js';
import { adminProblems } from './problems.js';

const tags = ['Admin'];
const params = z.strictObject({ id: Uuid });
const headers = z.looseObject({ 'if-match': z.string().optional().describe('The ETag, or "<version>", that the change is meant for') });

/** A product carries prices and stock, and whoever may not change them alone may not do so with a product around them either. */
const writes: FastifyContextConfig = { scope: 'catalog:write', scopesOfBody: { 'prices:write': carriesPrices, 'inventory:write': carriesStock } };

export const adminProductRoutes: FastifyPluginAsyncZod<{ products: ProductAdminService; shape: number }> = async (app, { products, shape }) => {
  app.post(
    '/v1/admin/products',
    {
      config: { ...writes, tells: ['etag'] },
      schema: {
        tags,
        summary: 'Create a product',
        querystring: NoQuery,
        body: NewProduct,
        response: { 201: AdminProduct, ...adminProblems(409, 413, 415, 422) },
      },
    },
    async (request, reply) => {
      const product = await products.create(request.body);
      return reply.code(201).header('location', `/v1/admin/products/${product.id}`).header('etag', productETag(product.version, shape)).send(product);
    },
  );

  app.get(
    '/v1/admin/products/:id',
    {
      config: { scope: 'catalog:read', tells: ['etag'] },
      schema: {
        tags,
        summary: 'Read a product as an editor',
        params,
        querystring: z.strictObject({ currency: Currency.optional() }),
        response: { 200: AdminProduct, ...adminProblems(404, 422) },
      },
    },
    async (request, reply) => {
      const product = await products.get(request.params.id, request.query.currency);
      return reply.header('etag', productETag(product.version, shape)).send(product);
    },
  );

  app.patch(
    '/v1/admin/products/:id',
    {
      config: { ...writes, tells: ['etag'] },
      schema: {
        tags,
        summary: 'Change a product',
        description: 'What is left out stays; lists are replaced whole. The document of the GET may be edited and sent back.',
        params,
        querystring: NoQuery,
        headers,
        body: ProductPatch,
        response: { 200: AdminProduct, ...adminProblems(404, 409, 412, 413, 415, 422) },
      },
    },
    async (request, reply) => {
      const product = await products.update(request.params.id, request.body, request.headers['if-match']);
      return reply.header('etag', productETag(product.version, shape)).send(product);
    },
  );

  app.delete(
    '/v1/admin/products/:id',
    {
      config: { scope: 'catalog:write', tells: ['etag'] },
      schema: {
        tags,
        summary: 'Archive a product',
        description: 'It leaves the shop and keeps its data; PATCH its status to bring it back.',
        params,
        querystring: NoQuery,
        headers,
        response: { 200: AdminProduct, ...adminProblems(404, 412, 413, 415) },
      },
    },
    async (request, reply) => {
      const product = await products.archive(request.params.id, request.headers['if-match']);
      return reply.header('etag', productETag(product.version, shape)).send(product);
    },
  );
};
