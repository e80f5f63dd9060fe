import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { CategoryPage, type CategoryService, CategoryTree } from '../catalog/category-service.js';
import { Slug } from '../catalog/text.js';
import { AppError } from '../errors.js';
import { sendJson, tellCache } from './http-cache.js';
import { NoQuery } from './no-query.js';
import { problems } from './problems.js';

export const categoryRoutes: FastifyPluginAsyncZod<{ categories: CategoryService }> = async (app, { categories }) => {
  app.get(
    '/v1/categories',
    {
      config: { tells: ['cache-status'], isShedFirst: true },
      schema: {
        tags: ['Storefront'],
        summary: 'Read the category tree with its product counts',
        querystring: NoQuery,
        response: { 200: CategoryTree, ...problems() },
      },
    },
    async (_request, reply) => {
      const { body, outcome } = await categories.tree();
      return sendJson(tellCache(reply, outcome), body);
    },
  );

  app.get(
    '/v1/categories/:slug',
    {
      config: { tells: ['cache-status'], isShedFirst: true },
      schema: {
        tags: ['Storefront'],
        summary: 'Read one category with its path and what is below it',
        params: z.strictObject({ slug: Slug }),
        querystring: NoQuery,
        response: { 200: CategoryPage, ...problems(404) },
      },
    },
    async (request, reply) => {
      const { body, outcome } = await categories.node(request.params.slug);
      tellCache(reply, outcome);
      if (body === null) throw new AppError('not_found', `There is no category with the slug ${request.params.slug}`);
      return sendJson(reply, body);
    },
  );
};
