import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { createImportRunner, type Importer } from '../../src/catalog/import-runner.js';
import type { ImportJobs } from '../../src/catalog/ports.js';

// A temporary folder of our own: what other tests spool at the same time is none of ours.
vi.stubEnv('TMPDIR', mkdtempSync(join(tmpdir(), 'truetag-spool-')));
afterAll(() => {
  rmSync(tmpdir(), { recursive: true });
  vi.unstubAllEnvs();
});
const spooled = () => readdirSync(tmpdir()).filter((name) => name.startsWith('truetag-import-')).length;

/** A runner whose uploads never get as far as the database. */
function runner() {
  const reached = () => {
    throw new Error('the upload was taken');
  };
  const parts = {
    pickImporter: reached,
    imports: { run: reached },
    jobs: { create: reached, start: reached, finish: reached, find: reached },
    onError: reached,
  };
  return createImportRunner({ ...parts, maxUploadBytes: 100 });
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

  /** One import of a small file by that importer, and what became of it. */
  async function begin(read: Importer) {
    let finish!: (end: End) => void;
    const finished = new Promise<End>((resolve) => {
      finish = resolve;
    });
    const imports = createImportRunner({
      pickImporter: () => read,
      imports: {
        run: async (items) => {
          for await (const _ of items);
          throw new Error('the importer ended');
        },
      },
      jobs: {
        create: async (job) => ({ ...job, state: 'queued', report: null, detail: null, createdAt: new Date(0).toISOString(), finishedAt: null }),
        start: async () => {},
        finish: async (_, end) => finish(end),
        find: async () => null,
      },
      onError: () => {},
    });
    await imports.start({ format: 'shopify', currency: 'USD', isDryRun: false }, Readable.from(['Handle,Title\n']));
    return { imports, finished };
  }

  async function* brokenOff() {
    yield { faults: [] };
    throw new Error('the database was lost');
  }

  it('says that what had been imported stands', async () => {
    const { finished } = await begin(brokenOff);
    expect(await finished).toMatchObject({ state: 'failed', detail: expect.stringContaining('What had been imported stands') });
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
