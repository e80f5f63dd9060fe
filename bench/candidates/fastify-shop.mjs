import { randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import { validatorCompiler } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { pageETag } from '../../dist/catalog/etag.js';
import { Currency } from '../../dist/catalog/money.js';
import { toProduct } from '../../dist/catalog/product.js';
import { Slug } from '../../dist/catalog/text.js';
import { createDatabase } from '../../dist/db/client.js';
import { createProductReads } from '../../dist/db/product-reads.js';
import { fixedHeaders, requestId } from './fixed-headers.mjs';
import { readRecording } from './recording.mjs';

const shape = 1;
const listingPath = '/v1/products';

/**
 * The shop that someone would write with a caching library: no log, the finished JSON in the cache and sent as it stands; no checks and no
 * request ids either unless CHECK_INPUT is `true`. Products are loaded with Truetag's own statements. The listing comes from the recording, since only its hits are measured.
 *
 * @param wrap gives the library's cached form of a loader: `(name, load) => (key) => Promise<{ body, etag }>`
 */
export async function serveShop(wrap) {
  const reads = createProductReads(createDatabase({ url: process.env.DATABASE_URL, max: 10 }));
  const page = readRecording(process.env.RECORDING).get(listingPath);
  let loads = 0;

  const findProduct = wrap('product', async (slug) => {
    loads += 1;
    const version = (await reads.versions([`slug:${slug}`])).get(`slug:${slug}`);
    const document = (await reads.documents([version.id])).get(version.id);
    return { body: JSON.stringify(toProduct(JSON.parse(document.json), 'USD')), etag: pageETag(document, shape) };
  });
  const findPage = wrap('page', async () => {
    loads += 1;
    return page;
  });

  const isChecking = process.env.CHECK_INPUT === 'true';
  const app = Fastify({ logger: false, ...(isChecking ? { genReqId: () => randomUUID() } : {}) });
  app.setValidatorCompiler(validatorCompiler);
  const schema = { params: z.strictObject({ slug: Slug }), querystring: z.strictObject({ currency: Currency.optional() }) };
  app.get('/v1/products/:slug', isChecking ? { schema } : {}, async (request, reply) => {
    return answer(reply, isChecking ? request.id : requestId, await findProduct(request.params.slug));
  });
  app.get(listingPath, async (_request, reply) => answer(reply, requestId, await findPage('newest')));
  app.get('/loads', async () => ({ loads }));
  await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
}

function answer(reply, id, { body, etag }) {
  reply.header('x-request-id', id).headers(fixedHeaders).header('etag', etag).header('content-type', 'application/json; charset=utf-8');
  return body;
}
