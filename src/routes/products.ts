import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { matchesNone } from '../catalog/etag.js';
import { ListingParameters, Page } from '../catalog/listing.js';
import type { ListingService } from '../catalog/listing-service.js';
import { Currency } from '../catalog/money.js';
import { Product } from '../catalog/product.js';
import { limits } from '../catalog/product-input.js';
import type { ProductService } from '../catalog/product-service.js';
import { Slug } from '../catalog/text.js';
import { AppError } from '../errors.js';
import { sendJson, tellCache } from './http-cache.js';
import { NoQuery } from './no-query.js';
import { problems } from './problems.js';

const optionPrefix = 'option.';
/** As many as a product can have. More would match nothing and cost the database a lot. */
const maxOptions = limits.options;

/** `option.<name>=<value>` beside the named parameters; anything else is unknown. */
const ListingQuerystring = ListingParameters.catchall(z.string()).superRefine((query, context) => {
  for (const [name, value] of Object.entries(query)) {
    if (Object.hasOwn(ListingParameters.shape, name)) continue;
    if (!name.startsWith(optionPrefix) || name === optionPrefix) {
      context.addIssue({ code: 'custom', path: [name], message: `${name} is not a parameter of this listing` });
    } else if (String(value) === '' || name.length + String(value).length > 500 || /\0/.test(`${name}${value}`)) {
      context.addIssue({ code: 'custom', path: [name], message: 'must be the value of an option' });
    }
  }
  const surplus = Object.keys(query).filter((name) => name.startsWith(optionPrefix))[maxOptions];
  if (surplus !== undefined) context.addIssue({ code: 'custom', path: [surplus], message: `must be one of at most ${maxOptions} options` });
});

const Batch = z.strictObject({ slugs: z.array(Slug).min(1).max(100), currency: Currency.optional() }).meta({ id: 'BatchRequest' });
const Batched = z.strictObject({ data: z.array(Product), missing: z.array(z.string()) }).meta({ id: 'BatchAnswer' });

export const productRoutes: FastifyPluginAsyncZod<{ products: ProductService; listings: ListingService }> = async (app, { products, listings }) => {
  app.get(
    '/v1/products',
    {
      config: { tells: ['cache-status', 'etag'], isShedFirst: true },
      schema: {
        tags: ['Storefront'],
        summary: 'List products',
        description:
          'Filters combine. `option.<name>=<value>` filters by an option, e.g. `option.Size=M`; several, at most ten, must hold for one and the same variant.',
        querystring: ListingQuerystring,
        response: { 200: Page, 304: z.undefined().describe('Not modified'), ...problems(422) },
      },
    },
    async (request, reply) => {
      const { named, options } = splitOptions(request.query);
      const page = await listings.list({ ...named, options });
      tellCache(reply, page.outcome);
      if (page.etag === null) return sendJson(reply, page.body);
      reply.header('etag', page.etag);
      return matchesNone(request.headers['if-none-match'], page.etag) ? reply.code(304).send(undefined) : sendJson(reply, page.body);
    },
  );

  app.get(
    '/v1/products/:slug',
    {
      config: { tells: ['cache-status', 'etag'] },
      schema: {
        tags: ['Storefront'],
        summary: 'Read a product',
        params: z.strictObject({ slug: Slug }),
        querystring: z.strictObject({ currency: Currency.optional() }),
        response: {
          200: Product,
          301: z.undefined().describe('Moved: the product has another slug now'),
          304: z.undefined().describe('Not modified'),
          ...problems(404, 422),
        },
      },
    },
    async (request, reply) => {
      const { slug } = request.params;
      const { currency } = request.query;
      const answer = await products.findBySlug(slug, currency);
      tellCache(reply, answer.outcome);
      if (answer.kind === 'absent') throw new AppError('not_found', `There is no product with the slug ${slug}`);
      if (answer.kind === 'moved') {
        const query = currency === undefined ? '' : `?currency=${currency}`;
        return reply
          .code(301)
          .header('location', `/v1/products/${encodeURIComponent(answer.slug)}${query}`)
          .send(undefined);
      }
      if (answer.etag === null) return sendJson(reply, answer.body);
      reply.header('etag', answer.etag);
      const isUnchanged = matchesNone(request.headers['if-none-match'], answer.etag);
      return isUnchanged ? reply.code(304).send(undefined) : sendJson(reply, answer.body);
    },
  );

  app.post(
    '/v1/products/batch',
    {
      config: { tells: ['cache-status'], isShedFirst: true },
      schema: {
        tags: ['Storefront'],
        summary: 'Read up to 100 products at once',
        querystring: NoQuery,
        body: Batch,
        response: { 200: Batched, ...problems(413, 415, 422) },
      },
    },
    async (request, reply) => {
      const { body, outcome } = await products.findBatch(request.body.slugs, request.body.currency);
      return sendJson(tellCache(reply, outcome), body);
    },
  );
};

function splitOptions(query: z.infer<typeof ListingQuerystring>): { named: ListingParameters; options: Record<string, string> } {
  const entries = Object.entries(query);
  const isOption = ([name]: [string, unknown]) => name.startsWith(optionPrefix);
  return {
    named: Object.fromEntries(entries.filter((entry) => !isOption(entry))),
    options: Object.fromEntries(entries.filter(isOption).map(([name, value]) => [name.slice(optionPrefix.length), String(value)])),
  };
}
