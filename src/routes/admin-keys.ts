import type { FastifyContextConfig, FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ApiKey, CreatedKey, KeyRotation, NewKey, RotatedKey } from '../access/api-key.js';
import type { Caller } from '../access/caller.js';
import type { KeyService } from '../access/key-service.js';
import { Uuid } from '../catalog/text.js';
import { NoQuery } from './no-query.js';
import { adminProblems } from './problems.js';

const tags = ['Admin'];
const config: FastifyContextConfig = { scope: 'keys:admin' };
const params = z.strictObject({ id: Uuid });

export const adminKeyRoutes: FastifyPluginAsyncZod<{ keys: KeyService }> = async (app, { keys }) => {
  app.post(
    '/v1/admin/keys',
    {
      config,
      schema: {
        tags,
        summary: 'Make a key for the admin',
        description: 'The answer is the only one that ever shows it.',
        querystring: NoQuery,
        body: NewKey,
        response: { 201: CreatedKey, ...adminProblems(413, 415) },
      },
    },
    async (request, reply) => shown(reply, await keys.create(request.body, callerOf(request))),
  );

  app.get(
    '/v1/admin/keys',
    {
      config,
      schema: {
        tags,
        summary: 'List the keys, the newest first',
        description: 'The key of ADMIN_API_KEY is not among them.',
        querystring: z.strictObject({
          limit: z
            .string()
            .regex(/^([1-9]\d?|100)$/, 'must be a whole number from 1 to 100')
            .transform(Number)
            .meta({ type: 'integer', minimum: 1, maximum: 100, pattern: undefined })
            .optional(),
          cursor: Uuid.optional().describe('nextCursor of the page before'),
        }),
        response: {
          200: z.strictObject({ data: z.array(ApiKey), page: z.strictObject({ limit: z.int(), nextCursor: z.string().nullable() }) }),
          ...adminProblems(),
        },
      },
    },
    async (request) => {
      const { limit = 100, cursor = null } = request.query;
      const { data, nextCursor } = await keys.list(limit, cursor);
      return { data, page: { limit, nextCursor } };
    },
  );

  app.get(
    '/v1/admin/keys/:id',
    {
      config,
      schema: { tags, summary: 'Read what is known of a key', params, querystring: NoQuery, response: { 200: ApiKey, ...adminProblems(404) } },
    },
    async (request) => keys.get({ id: request.params.id }),
  );

  app.post(
    '/v1/admin/keys/:id/rotate',
    {
      config,
      // Every field has a default, so there may be no body at all.
      preValidation: async (request) => {
        request.body ??= KeyRotation.parse({});
      },
      schema: {
        tags,
        summary: 'Put a new key in the place of one',
        description: 'It has the same name and scopes. The old one goes on working for the overlap and then expires.',
        params,
        querystring: NoQuery,
        body: KeyRotation,
        response: { 201: RotatedKey, ...adminProblems(404, 409, 413, 415) },
      },
    },
    async (request, reply) => shown(reply, await keys.rotate(request.params.id, request.body, callerOf(request))),
  );

  app.delete(
    '/v1/admin/keys/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Revoke a key',
        description: 'It is refused from the next request on, on every instance. It stays in the list.',
        params,
        querystring: NoQuery,
        response: { 200: ApiKey, ...adminProblems(404, 413, 415) },
      },
    },
    async (request) => keys.revoke(request.params.id, callerOf(request)),
  );
};

/** An answer with a secret in it, which nobody on the way shall keep. */
function shown<Key extends { id: string }>(reply: FastifyReply, key: Key): Key {
  reply.code(201).header('location', `/v1/admin/keys/${key.id}`).header('cache-control', 'no-store');
  return key;
}

function callerOf({ caller }: FastifyRequest): Caller {
  if (caller === null) throw new Error('A route of the keys was reached without one');
  return caller;
}
