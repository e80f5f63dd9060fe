import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { productETag } from '../catalog/etag.js';
import { Currency } from '../catalog/money.js';
import type { ProductAdminService } from '../catalog/product-admin-service.js';
import { AdminProduct, NewProduct, ProductPatch } from '../catalog/product-input.js';
import { Uuid } from '../catalog/text.js';
import { NoQuery } from './no-query.js';
import { adminProblems, adminSecurity } from './problems.js';

const tags = ['Admin'];
const security = adminSecurity;
const params = z.strictObject({ id: Uuid });
const headers = z.looseObject({ 'if-match': z.string().optional().describe('The ETag, or "<version>", that the change is meant for') });

export const adminProductRoutes: FastifyPluginAsyncZod<{ products: ProductAdminService; shape: number }> = async (app, { products, shape }) => {
  app.post(
    '/v1/admin/products',
    {
      config: { tells: ['etag'] },
      schema: {
        tags,
        security,
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
      config: { tells: ['etag'] },
      schema: {
        tags,
        security,
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
      config: { tells: ['etag'] },
      schema: {
        tags,
        security,
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
      config: { tells: ['etag'] },
      schema: {
        tags,
        security,
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
