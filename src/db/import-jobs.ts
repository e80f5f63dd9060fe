import type { ImportJob, ImportReport } from '../catalog/import.js';
import type { ImportJobs } from '../catalog/ports.js';
import type { Prisma, ImportJob as Row } from '../generated/prisma/client.js';
import type { Database } from './client.js';
import { inShopWords } from './failures.js';
import { isUuid } from './storable.js';

/** The import jobs, one row each. A job whose process died stays `running`. */
export function createImportJobs({ prisma }: Database): ImportJobs {
  return {
    create: (job) => inShopWords(async () => toImportJob(await prisma.importJob.create({ data: job }))),

    start: (id) => inShopWords(async () => void (await prisma.importJob.update({ where: { id }, data: { state: 'running' } }))),

    finish: (id, { state, report, detail }) =>
      inShopWords(async () => {
        const end = { state, detail: detail === null ? null : storable(detail), finishedAt: new Date() };
        await prisma.importJob.update({ where: { id }, data: report === null ? end : { ...end, report: storableJson(report) } });
      }),

    find: (id) =>
      inShopWords(async () => {
        const row = isUuid(id) ? await prisma.importJob.findUnique({ where: { id } }) : null;
        return row && toImportJob(row);
      }),
  };
}

function toImportJob({ createdAt, finishedAt, format, report, ...row }: Row): ImportJob {
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
