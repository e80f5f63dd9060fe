import type { Readable } from 'node:stream';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ImportFormat, ImportJob } from '../catalog/import.js';
import type { ImportRunner } from '../catalog/import-runner.js';
import { Currency } from '../catalog/money.js';
import { Uuid } from '../catalog/text.js';
import { AppError } from '../errors.js';
import { NoQuery } from './no-query.js';
import { adminProblems } from './problems.js';

const tags = ['Admin'];

export const adminImportRoutes: FastifyPluginAsyncZod<{ imports: ImportRunner; defaultCurrency: string }> = async (
  app,
  { imports, defaultCurrency },
) => {
  // The body stays a stream: it goes to a file, not into memory.
  app.addContentTypeParser(['text/csv', 'application/x-ndjson'], (_request, payload, done) => done(null, payload));

  app.post(
    '/v1/admin/imports',
    {
      config: { scope: 'imports:write', isShedFirst: true, isUpload: true },
      schema: {
        tags,
        summary: 'Import a file of products',
        description:
          'The body is the file itself: `text/csv` for shopify, `application/x-ndjson` for our own export. Products are written one by one, all or nothing each.',
        consumes: ['text/csv', 'application/x-ndjson'],
        querystring: z.strictObject({
          format: ImportFormat.default('shopify'),
          currency: Currency.optional(),
          dryRun: z.enum(['true', 'false']).optional(),
        }),
        response: { 202: z.strictObject({ id: Uuid }), ...adminProblems(413, 415, 422) },
      },
    },
    async (request, reply) => {
      const upload = request.body as Readable | undefined;
      if (!upload || typeof upload.pipe !== 'function')
        throw new AppError('unsupported_media', 'Send the file as the body, with Content-Type: text/csv');
      const { format, currency = defaultCurrency, dryRun } = request.query;
      const declaredBytes = Number(request.headers['content-length'] ?? 0);
      const job = await imports.start({ format, currency, isDryRun: dryRun === 'true', declaredBytes }, upload);
      return reply.code(202).header('location', `/v1/admin/imports/${job.id}`).send({ id: job.id });
    },
  );

  app.get(
    '/v1/admin/imports/:id',
    {
      config: { scope: 'imports:read' },
      schema: {
        tags,
        summary: 'How an import stands',
        params: z.strictObject({ id: Uuid }),
        querystring: NoQuery,
        response: { 200: ImportJob, ...adminProblems(404) },
      },
    },
    async (request) => imports.find(request.params.id),
  );
};
