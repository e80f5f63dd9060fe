import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { Quote, QuoteRequest, type QuoteService } from '../catalog/quote-service.js';
import { tellCache } from './http-cache.js';
import { NoQuery } from './no-query.js';
import { problems } from './problems.js';

export const quoteRoutes: FastifyPluginAsyncZod<{ quotes: QuoteService }> = async (app, { quotes }) => {
  app.post(
    '/v1/quotes',
    {
      config: { tells: ['cache-status'], isShedFirst: true },
      schema: {
        tags: ['Storefront'],
        summary: 'Quote prices and stock of one moment, never from a cache',
        querystring: NoQuery,
        body: QuoteRequest,
        response: { 200: Quote, ...problems(413, 415, 422) },
      },
    },
    async (request, reply) => {
      tellCache(reply, 'bypass');
      return quotes.quote(request.body);
    },
  );
};
