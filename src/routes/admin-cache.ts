import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { NoQuery } from './no-query.js';
import { adminProblems } from './problems.js';

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
        outcomes: z.record(z.string(), z.int()).optional().describe('Reads by how they were answered, in the words of Cache-Status'),
      }),
    ),
    memory: z.strictObject({
      entries: z.int(),
      bytes: z.int(),
      maxBytes: z.int(),
      evictions: z.int().describe('Entries that had to leave for others'),
    }),
    redis: z.enum(['up', 'down', 'none']),
    lease: z.strictObject({
      mode: z.enum(['lease', 'validate']).describe('validate: no lease is wanted, every read is validated'),
      state: z.enum(['held', 'lost', 'none']).describe('held: memory answers; lost: every read is validated until the next renewal'),
      leaseMs: z.int().nullable(),
      isConnected: z.boolean().describe('Whether notices of Postgres arrive'),
      instance: z.string().nullable().describe('The row of the registry that stands for this process'),
      renewals: z.int(),
      joins: z.int(),
      fault: z.string().nullable().describe('Why there is no connection for notices'),
      heldRatio: z.number().describe('Part of the time since the start for which the lease was held'),
      lapses: z.int().describe('How often it had run out when it was renewed'),
      applied: z.int().describe('Blocks applied since the start'),
      blocks: z.int().describe('Writes under way whose products memory does not answer for'),
      blockedKeys: z.int(),
      epochChanges: z.int().describe('How often everything in memory has ceased to be believed'),
      oldestBlockMs: z.number().describe('How long the oldest block that stands has been seen to stand'),
    }),
    validated: z.strictObject({
      lookups: z.int().describe('Lookups that Postgres was asked to validate'),
      queries: z.int().describe('The queries that they shared'),
      failed: z.int(),
    }),
    writes: z.strictObject({
      writes: z.int(),
      aborted: z.int(),
      unknown: z.int().describe('Writes whose COMMIT was not answered'),
      ackWaitMs: z.record(z.string(), z.int()).describe('How many writes waited so long for the other instances, by upper bound in ms'),
    }),
    sampler: z.strictObject({
      hits: z.int(),
      samples: z.int(),
      stale: z.int().describe('Memory hits found untrue: must be 0'),
      failed: z.int(),
    }),
  })
  .meta({ id: 'CacheState' });

export const adminCacheRoutes: FastifyPluginAsyncZod<{ report: () => object }> = async (app, { report }) => {
  app.get(
    '/v1/admin/cache',
    {
      config: { scope: 'cache:read' },
      schema: {
        tags: ['Admin'],
        summary: 'The policy table with what happened under each row',
        querystring: NoQuery,
        response: { 200: CacheState, ...adminProblems() },
      },
    },
    async () => CacheState.parse(report()),
  );
};
