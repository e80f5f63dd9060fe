import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { NoQuery } from './no-query.js';
import { adminProblems, adminSecurity } from './problems.js';

const count = z.int().min(0).optional();

export const CacheState = z
  .strictObject({
    rows: z.array(
      z.looseObject({
        name: z.string(),
        endpoint: z.string(),
        strategy: z.enum(['mutex', 'swr', 'aside', 'write-through', 'none']),
        why: z.string(),
        hits: count,
        misses: count,
        staleServes: count,
        fills: count,
        fillsRefused: count,
        waits: count,
      }),
    ),
    memory: z.strictObject({ entries: z.int(), bytes: z.int(), maxBytes: z.int() }),
    redis: z.enum(['up', 'down', 'none']),
    lease: z.strictObject({ mode: z.enum(['validate', 'trust']), trustMs: z.number(), blocks: z.int() }),
  })
  .meta({ id: 'CacheState' });

export const adminCacheRoutes: FastifyPluginAsyncZod<{ report: () => object }> = async (app, { report }) => {
  app.get(
    '/v1/admin/cache',
    {
      schema: {
        tags: ['Admin'],
        security: adminSecurity,
        summary: 'The policy table with what happened under each row',
        querystring: NoQuery,
        response: { 200: CacheState, ...adminProblems() },
      },
    },
    async () => CacheState.parse(report()),
  );
};
