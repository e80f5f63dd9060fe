import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { v7 as uuidv7 } from 'uuid';
import { AppError, isAppError } from '../errors.js';
import { emptyReport, ImportFault, type ImportFormat, type ImportItem, type ImportJob, type ImportReport } from './import.js';
import { patiently } from './import-patience.js';
import type { ImportService } from './import-service.js';
import { createSpool, type Spool } from './import-spool.js';
import { requireCurrency } from './money.js';
import type { ImportJobs } from './ports.js';

/** Reads a file of one format; `open` may be called more than once. Throws `import_refused` before it yields anything where the file cannot be read. */
export type Importer = (open: () => Readable, options: { currency: string }) => AsyncIterable<ImportItem>;

export interface ImportRequest {
  format: ImportFormat;
  currency: string;
  isDryRun: boolean;
  /** How long the upload says it is. */
  declaredBytes?: number | undefined;
}

export interface ImportCounts {
  waiting: number;
  running: number;
  done: number;
  failed: number;
  refused: number;
}

export interface ImportRunner {
  /**
   * Spools the upload to the temporary folder, takes the job into the line and answers. Throws `unknown_currency`, `too_large`, `no_room`,
   * and `busy` where too many imports wait.
   */
  start(request: ImportRequest, upload: Readable): Promise<ImportJob>;
  /** Throws `not_found`. */
  find(id: string): Promise<ImportJob>;
  /** What has become of the imports of this process since it started. */
  counts(): ImportCounts;
  /** Ends the running import between two chunks and takes no more. */
  close(): Promise<void>;
}

const maxWaiting = 5;
/** How often a job says that it is alive and how far it has come. */
const beatMs = 1000;

/** Imports over HTTP: one runs at a time, a few wait. */
export function createImportRunner(deps: {
  pickImporter: (format: ImportFormat) => Importer;
  imports: ImportService;
  jobs: ImportJobs;
  onError: (error: unknown, jobId: string) => void;
  spool?: Spool;
}): ImportRunner {
  const { spool = createSpool() } = deps;
  const stop = new AbortController();
  /** The jobs that live in this process, each with what is done so far; null while it waits. */
  const living = new Map<string, ImportReport | null>();
  let waiting = 0;
  let running = 0;
  const ended = { done: 0, failed: 0, refused: 0 };
  let line: Promise<void> = Promise.resolve();

  /** A beat that is lost costs nothing: the next one says as much. Where the database stays away the import itself ends of it. */
  const heart = setInterval(() => {
    for (const [id, report] of living) deps.jobs.beat(id, report).catch(() => {});
  }, beatMs);
  heart.unref();

  async function run(id: string, file: string, { format, currency, isDryRun }: ImportRequest): Promise<void> {
    let soFar: ImportReport | null = null;
    running += 1;
    const finish = (end: Parameters<ImportJobs['finish']>[1]) => patiently(() => deps.jobs.finish(id, end));
    try {
      stop.signal.throwIfAborted();
      const nothing = emptyReport();
      await patiently(() => deps.jobs.start(id, nothing), stop.signal);
      living.set(id, nothing);
      // A stop ends the reading itself: the first pass over a large file takes longer than a drain may.
      const items = deps.pickImporter(format)(() => createReadStream(file, { signal: stop.signal }), { currency });
      const onProgress = (report: ImportReport) => {
        soFar = report;
        living.set(id, report);
      };
      const report = await deps.imports.run(items, { isDryRun, signal: stop.signal, onProgress });
      await finish({ state: 'done', report, detail: null });
      ended.done += 1;
    } catch (error) {
      const isRefused = isAppError(error) && error.code === 'import_refused';
      if (!isRefused) deps.onError(error, id);
      const detail = isRefused
        ? error.message
        : stop.signal.aborted
          ? 'The server was stopped. What had been imported stands; run the same file again'
          : 'The import broke off. What had been imported stands; run the same file again';
      const state = isRefused ? 'refused' : 'failed';
      ended[state] += 1;
      await finish({ state, report: refusalReport(error) ?? soFar, detail }).catch((cause) => deps.onError(cause, id));
    } finally {
      running -= 1;
      living.delete(id);
      await rm(file, { force: true });
    }
  }

  return {
    async start(request, upload) {
      requireCurrency(request.currency);
      spool.refuseLarger(request.declaredBytes ?? 0);
      if (stop.signal.aborted) throw new AppError('draining', 'The server is stopping');
      if (waiting >= maxWaiting) throw new AppError('busy', 'Too many imports are waiting: try again when one is done');
      waiting += 1;
      let file: string | undefined;
      try {
        const spooled = await spool.take(upload);
        file = spooled;
        // Nobody would run it any more.
        if (stop.signal.aborted) throw new AppError('draining', 'The server is stopping');
        const job = await deps.jobs.create({ id: uuidv7(), format: request.format, currency: request.currency, dryRun: request.isDryRun });
        living.set(job.id, null);
        line = line
          .then(() => run(job.id, spooled, request))
          .finally(() => {
            waiting -= 1;
          });
        return job;
      } catch (error) {
        waiting -= 1;
        if (file) await rm(file, { force: true });
        throw error;
      }
    },
    async find(id) {
      const job = await deps.jobs.find(id);
      if (!job) throw new AppError('not_found', `There is no import with the id ${id}`);
      return job;
    },
    counts: () => ({ waiting: waiting - running, running, ...ended }),
    async close() {
      stop.abort();
      await line;
      clearInterval(heart);
    },
  };
}

/** A file that was refused as a whole says on which line; nothing of it was written. */
function refusalReport(error: unknown): ImportReport | null {
  const fault = ImportFault.safeParse(error instanceof Error && 'fault' in error ? error.fault : undefined);
  if (!fault.success) return null;
  return { ...emptyReport(), errors: [fault.data] };
}
