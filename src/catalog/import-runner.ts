import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { v7 as uuidv7 } from 'uuid';
import { AppError, isAppError } from '../errors.js';
import { ImportFault, type ImportFormat, type ImportItem, type ImportJob, type ImportReport } from './import.js';
import type { ImportService } from './import-service.js';
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

export interface ImportRunner {
  /**
   * Spools the upload to the temporary folder, takes the job into the line and answers. Throws `unknown_currency`, `too_large`, and `busy`
   * where too many imports wait.
   */
  start(request: ImportRequest, upload: Readable): Promise<ImportJob>;
  /** Throws `not_found`. */
  find(id: string): Promise<ImportJob>;
  /** Ends the running import between two chunks and takes no more. */
  close(): Promise<void>;
}

const maxWaiting = 5;

/** Imports over HTTP: one runs at a time, a few wait. */
export function createImportRunner(deps: {
  pickImporter: (format: ImportFormat) => Importer;
  imports: ImportService;
  jobs: ImportJobs;
  onError: (error: unknown, jobId: string) => void;
  maxUploadBytes?: number;
}): ImportRunner {
  const { maxUploadBytes = 1024 ** 3 } = deps;
  const stop = new AbortController();
  let waiting = 0;
  let line: Promise<void> = Promise.resolve();

  function refuseLarger(bytes: number): void {
    if (bytes > maxUploadBytes) throw new AppError('too_large', `An import file may have at most ${maxUploadBytes} bytes`);
  }

  /** What is refused stays open, because the answer goes out over the same connection. */
  async function* bounded(upload: Readable): AsyncIterable<Buffer> {
    let bytes = 0;
    for await (const chunk of upload.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      refuseLarger(bytes);
      yield chunk;
    }
  }

  async function spool(upload: Readable): Promise<string> {
    const file = join(tmpdir(), `truetag-import-${randomUUID()}`);
    try {
      await pipeline(bounded(upload), createWriteStream(file, { mode: 0o600 }));
      return file;
    } catch (error) {
      await rm(file, { force: true });
      if (upload.readableAborted) throw new AppError('invalid', 'The upload broke off', { cause: error });
      throw error;
    }
  }

  async function run(id: string, file: string, { format, currency, isDryRun }: ImportRequest): Promise<void> {
    try {
      stop.signal.throwIfAborted();
      await deps.jobs.start(id);
      // A stop ends the reading itself: the first pass over a large file takes longer than a drain may.
      const items = deps.pickImporter(format)(() => createReadStream(file, { signal: stop.signal }), { currency });
      const report = await deps.imports.run(items, { isDryRun, signal: stop.signal });
      await deps.jobs.finish(id, { state: 'done', report, detail: null });
    } catch (error) {
      const isRefused = isAppError(error) && error.code === 'import_refused';
      if (!isRefused) deps.onError(error, id);
      const detail = isRefused
        ? error.message
        : stop.signal.aborted
          ? 'The server was stopped. What had been imported stands; run the same file again'
          : 'The import broke off. What had been imported stands; run the same file again';
      const state = isRefused ? 'refused' : 'failed';
      await deps.jobs.finish(id, { state, report: refusalReport(error), detail }).catch((cause) => deps.onError(cause, id));
    } finally {
      await rm(file, { force: true });
    }
  }

  return {
    async start(request, upload) {
      requireCurrency(request.currency);
      refuseLarger(request.declaredBytes ?? 0);
      if (stop.signal.aborted) throw new AppError('draining', 'The server is stopping');
      if (waiting >= maxWaiting) throw new AppError('busy', 'Too many imports are waiting: try again when one is done');
      waiting += 1;
      let file: string | undefined;
      try {
        const spooled = await spool(upload);
        file = spooled;
        // Nobody would run it any more.
        if (stop.signal.aborted) throw new AppError('draining', 'The server is stopping');
        const job = await deps.jobs.create({ id: uuidv7(), format: request.format, currency: request.currency, dryRun: request.isDryRun });
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
    async close() {
      stop.abort();
      await line;
    },
  };
}

/** A file that was refused as a whole says on which line; nothing of it was written. */
function refusalReport(error: unknown): ImportReport | null {
  const fault = ImportFault.safeParse(error instanceof Error && 'fault' in error ? error.fault : undefined);
  if (!fault.success) return null;
  return { products: { created: 0, updated: 0, unchanged: 0, failed: 0 }, variants: 0, images: 0, errors: [fault.data] };
}
