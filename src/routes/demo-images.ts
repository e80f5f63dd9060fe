import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { demoImage } from '../catalog/demo-image.js';
import { problems } from './problems.js';

export const demoImageRoutes: FastifyPluginAsyncZod = async (app) => {
  app.get(
    '/media/demo/:file',
    {
      config: { tells: ['cache-control'], isShedFirst: true },
      schema: {
        tags: ['Demo'],
        summary: 'Draw the picture of a demo product',
        params: z.strictObject({ file: z.string().regex(/^[a-z0-9-]{1,100}\.svg$/) }),
        response: { 200: { description: 'An SVG', content: { 'image/svg+xml': { schema: z.any() } } }, ...problems() },
      },
    },
    async (request, reply) =>
      reply
        .header('content-type', 'image/svg+xml; charset=utf-8')
        .header('cache-control', 'public, max-age=86400')
        .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
        .send(Buffer.from(demoImage(request.params.file.slice(0, -'.svg'.length)))),
  );
};
