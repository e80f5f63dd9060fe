import type { ImportJob, ImportReport } from '../catalog/import.js';
import type { ImportJobs } from '../catalog/ports.js';
import type { Prisma, ImportJob as Row } from '../generated/prisma/client.js';
import type { Database } from './client.js';
import { inShopWords } from './failures.js';
import { isUuid } from './storable.js';

/**
 * The import jobs, one row each. The process that has a job says every second that it is alive. Where that has ceased for two minutes the
 * process is gone, and whoever reads the job next writes down that it failed; should it have been asleep only, its own end stands in the end.
 */
export function createImportJobs({ prisma }: Database): ImportJobs {
  return {
    create: (job) => inShopWords(async () => toImportJob(await prisma.importJob.create({ data: job }))),

    start: (id, report) =>
      inShopWords(async () => void (await prisma.importJob.update({ where: { id }, data: { state: 'running', report: storableJson(report) } }))),

    // Only while it lives: a beat that was held up must not write over the end.
    beat: (id, report) =>
      inShopWords(async () => {
        const json = report === null ? null : JSON.stringify(storableJson(report));
        await prisma.$executeRaw`
          UPDATE import_job SET beat_at = clock_timestamp(), report = coalesce(${json}::jsonb, report)
          WHERE id = ${id}::uuid AND state IN ('queued', 'running')`;
      }),

    finish: (id, { state, report, detail }) =>
      inShopWords(async () => {
        const end = { state, detail: detail === null ? null : storable(detail), finishedAt: new Date() };
        await prisma.importJob.update({ where: { id }, data: report === null ? end : { ...end, report: storableJson(report) } });
      }),

    find: (id) =>
      inShopWords(async () => {
        if (!isUuid(id)) return null;
        await prisma.$executeRaw`
          UPDATE import_job SET state = 'failed', detail = ${abandoned}, finished_at = clock_timestamp()
          WHERE id = ${id}::uuid AND state IN ('queued', 'running') AND beat_at < clock_timestamp() - interval '2 minutes'`;
        const row = await prisma.importJob.findUnique({ where: { id } });
        return row && toImportJob(row);
      }),
  };
}

const abandoned = 'The server that ran this import is gone. What had been imported stands; run the same file again';

function toImportJob({ beatAt: _, createdAt, finishedAt, format, report, ...row }: Row): ImportJob {
  return {
    ...row,
    format: format as ImportJob['format'],
    report: report as ImportReport | null,
    createdAt: createdAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
  };
}

// A report may quote the file it is about, and a job must be able to end whatever stood there.
function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed();
}

function storableJson(report: ImportReport): Prisma.InputJsonObject {
  return JSON.parse(JSON.stringify(report, (_, value: unknown) => (typeof value === 'string' ? storable(value) : value)));
}
