import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createImportRunner } from '../../src/catalog/import-runner.js';

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
    onDone: reached,
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
