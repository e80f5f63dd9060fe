import type { ImportJob, ImportReport } from '../catalog/import.js';
import type { ImportJobs } from '../catalog/ports.js';
import type { Prisma, ImportJob as Row } from '../generated/prisma/client.js';
import type { Database } from './client.js';
import { inShopWords } from './failures.js';
import { createPoolQuery, type Statement } from './statement.js';
import { isUuid } from './storable.js';

// By the database's clock, and only while the job lives: a beat that was held up must not write over the end.
const beatSql: Statement = {
  name: 'import_job_beat',
  text: `
    UPDATE import_job SET beat_at = clock_timestamp(), report = coalesce($2::jsonb, report)
    WHERE id = $1 AND state IN ('queued', 'running')`,
};
const abandonSql: Statement = {
  name: 'import_job_abandon',
  text: `
    UPDATE import_job SET state = 'failed', detail = $2, finished_at = clock_timestamp()
    WHERE id = $1 AND state IN ('queued', 'running') AND beat_at < clock_timestamp() - interval '2 minutes'`,
};
const abandoned = 'The server that ran this import is gone. What had been imported stands; run the same file again';

/**
 * The import jobs, one row each. The process that has a job says every second that it is alive. Where that has ceased for two minutes the
 * process is gone, and whoever reads the job next writes down that it failed; should it have been asleep only, its own end stands in the end.
 */
export function createImportJobs({ prisma, writing }: Pick<Database, 'prisma' | 'writing'>): ImportJobs {
  const query = createPoolQuery(writing.pool);
  return {
    create: (job) => inShopWords(async () => toImportJob(await prisma.importJob.create({ data: job }))),

    start: (id, report) =>
      inShopWords(async () => void (await prisma.importJob.update({ where: { id }, data: { state: 'running', report: storableJson(report) } }))),

    async beat(id, report) {
      await query(beatSql, [id, report === null ? null : JSON.stringify(storableJson(report))]);
    },

    finish: (id, { state, report, detail }) =>
      inShopWords(async () => {
        const end = { state, detail: detail === null ? null : storable(detail), finishedAt: new Date() };
        await prisma.importJob.update({ where: { id }, data: report === null ? end : { ...end, report: storableJson(report) } });
      }),

    async find(id) {
      if (!isUuid(id)) return null;
      await query(abandonSql, [id, abandoned]);
      return inShopWords(async () => {
        const row = await prisma.importJob.findUnique({ where: { id } });
        return row && toImportJob(row);
      });
    },
  };
}

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
