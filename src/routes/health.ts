import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';

export const Health = z
  .strictObject({
    status: z.enum(['ready', 'starting', 'draining', 'unavailable']),
    postgres: z.enum(['up', 'down']),
    redis: z.enum(['up', 'down', 'none']).describe('none: memory only, by configuration'),
    lease: z.enum(['held', 'lost', 'none']).describe('none: reads are validated, no lease is needed'),
  })
  .meta({ id: 'Health' });
export type Health = z.infer<typeof Health>;

export const healthRoutes: FastifyPluginAsyncZod<{ health: () => Promise<Health> }> = async (app, { health }) => {
  app.get(
    '/health/live',
    {
      config: { tells: ['cache-control'] },
      schema: { tags: ['Health'], summary: 'Whether the process runs', response: { 200: z.strictObject({ status: z.literal('live') }) } },
    },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store');
      return { status: 'live' as const };
    },
  );

  app.get(
    '/health/ready',
    {
      config: { tells: ['cache-control'] },
      schema: { tags: ['Health'], summary: 'Whether requests should be sent here', response: { 200: Health, 503: Health } },
    },
    async (_request, reply) => {
      const state = await health();
      reply.header('cache-control', 'no-store');
      if (state.status !== 'ready') reply.code(503).header('retry-after', '1');
      return state;
    },
  );
};
