import { createWriteStream, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { createImportRunner, type Importer } from '../../src/catalog/import-runner.js';
import { createSpool } from '../../src/catalog/import-spool.js';
import type { ImportJobs } from '../../src/catalog/ports.js';
import { AppError } from '../../src/errors.js';

// A temporary folder of our own: what other tests spool at the same time is none of ours.
vi.stubEnv('TMPDIR', mkdtempSync(join(tmpdir(), 'truetag-spool-')));
afterAll(() => {
  rmSync(tmpdir(), { recursive: true });
  vi.unstubAllEnvs();
});
const spooled = () => readdirSync(tmpdir()).filter((name) => name.startsWith('truetag-import-')).length;

/** A runner whose uploads never get as far as the database. */
function runner(spool = createSpool({ maxUploadBytes: 100 })) {
  const reached = () => {
    throw new Error('the upload was taken');
  };
  const parts = {
    pickImporter: reached,
    imports: { run: reached },
    jobs: { create: reached, start: reached, beat: reached, finish: reached, find: reached },
    onError: reached,
  };
  return createImportRunner({ ...parts, spool });
}

describe('an upload', () => {
  const request = { format: 'shopify', currency: 'USD', isDryRun: false } as const;

  it('is refused as soon as it is longer than allowed, and left open for the answer', async () => {
    const before = spooled();
    const upload = Readable.from([Buffer.alloc(60), Buffer.alloc(60), Buffer.alloc(60)]);
    await expect(runner().start(request, upload)).rejects.toMatchObject({ code: 'too_large' });
    expect(upload.destroyed).toBe(false);
    expect(spooled()).toBe(before);
  });

  it('is refused unread where it says that it is too long', async () => {
    const upload = Readable.from([Buffer.alloc(1)]);
    await expect(runner().start({ ...request, declaredBytes: 101 }, upload)).rejects.toMatchObject({ code: 'too_large' });
    expect(upload.readableDidRead).toBe(false);
  });

  it('says so where the temporary folder is full, and leaves nothing there', async () => {
    const before = spooled();
    // A device that takes no byte, as a full disk does; the file itself is made first, so that there is something to leave behind.
    const spool = createSpool({
      open: (path) => {
        createWriteStream(path).end();
        return createWriteStream('/dev/full');
      },
    });
    const upload = new Readable({ read() {} });
    upload.push(Buffer.alloc(60));
    await expect(runner(spool).start(request, upload)).rejects.toMatchObject({ code: 'no_room', cause: { code: 'ENOSPC' } });
    expect(upload.destroyed).toBe(false);
    expect(spooled()).toBe(before);
  });

  it('that breaks off leaves nothing behind', async () => {
    const before = spooled();
    const upload = new Readable({ read() {} });
    const started = runner().start(request, upload);
    upload.push(Buffer.alloc(10));
    upload.destroy();
    await expect(started).rejects.toMatchObject({ code: 'invalid' });
    expect(spooled()).toBe(before);
  });

  it('is refused where the server stops meanwhile', async () => {
    const before = spooled();
    const imports = runner();
    const upload = new Readable({ read() {} });
    const started = imports.start(request, upload);
    upload.push(Buffer.alloc(10));
    await imports.close();
    upload.push(null);
    await expect(started).rejects.toMatchObject({ code: 'draining' });
    await expect(imports.start(request, Readable.from([]))).rejects.toMatchObject({ code: 'draining' });
    expect(spooled()).toBe(before);
  });
});

describe('an import that does not come to its end', () => {
  type End = Parameters<ImportJobs['finish']>[1];

  const nothing = { products: { created: 0, updated: 0, unchanged: 0, failed: 0 }, variants: 0, images: 0, errors: [] };

  /** One import of a small file by that importer, and what became of it. `faults`: how each try to write its end down fails. */
  async function begin(read: Importer, faults: Error[] = []) {
    let finish!: (end: End) => void;
    const finished = new Promise<End>((resolve) => {
      finish = resolve;
    });
    const imports = createImportRunner({
      pickImporter: () => read,
      imports: {
        run: async (items, { onProgress }) => {
          for await (const _ of items) onProgress?.({ ...nothing, variants: 3 });
          return nothing;
        },
      },
      jobs: {
        create: async (job) => ({ ...job, state: 'queued', report: null, detail: null, createdAt: new Date(0).toISOString(), finishedAt: null }),
        start: async () => {},
        beat: async () => {},
        finish: async (_, end) => {
          const fault = faults.shift();
          if (fault) throw fault;
          finish(end);
        },
        find: async () => null,
      },
      onError: () => {},
    });
    await imports.start({ format: 'shopify', currency: 'USD', isDryRun: false }, Readable.from(['Handle,Title\n']));
    return { imports, finished };
  }

  it('keeps the counts of what it had written', async () => {
    const { finished } = await begin(async function* () {
      yield { faults: [] };
      throw new Error('the database was lost');
    });
    expect(await finished).toMatchObject({
      state: 'failed',
      detail: expect.stringContaining('What had been imported stands'),
      report: { ...nothing, variants: 3 },
    });
  });

  it('is told apart from one whose end could not be written down at once', async () => {
    const { finished } = await begin(
      async function* () {
        yield { faults: [] };
      },
      [new AppError('database_unavailable', 'away')],
    );
    expect(await finished).toMatchObject({ state: 'done' });
  });

  it('is ended by a stop of the server in the middle of the first pass over its file', async () => {
    let passes = 0;
    const { imports, finished } = await begin(async function* (open) {
      for (;;) {
        for await (const _ of open());
        passes += 1;
        yield { faults: [] };
      }
    });
    await expect.poll(() => passes).toBeGreaterThan(1);
    await imports.close();
    expect(await finished).toMatchObject({ state: 'failed', detail: expect.stringContaining('The server was stopped') });
  });
});
