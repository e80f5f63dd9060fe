import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImportReport } from '../../src/catalog/import.js';
import { readCatalogId } from '../../src/db/catalog-id.js';
import { createImportJobs } from '../../src/db/import-jobs.js';
import { type Catalog, openCatalog } from './open-catalog.js';

let catalog: Catalog;
beforeAll(async () => {
  catalog = await openCatalog();
});
afterAll(() => catalog.close());

const report: ImportReport = {
  products: { created: 1, updated: 2, unchanged: 3, failed: 1 },
  variants: 9,
  images: 4,
  errors: [{ line: 7, code: 'bad', message: 'no' }],
};

describe('import jobs', () => {
  it('go from queued over running to their end', async () => {
    const jobs = createImportJobs(catalog.db);
    const id = newId();
    const created = await jobs.create({ id, format: 'shopify', currency: 'USD', dryRun: true });
    expect(created).toMatchObject({
      id,
      state: 'queued',
      format: 'shopify',
      currency: 'USD',
      dryRun: true,
      report: null,
      detail: null,
      finishedAt: null,
    });
    expect(Math.abs(Date.parse(created.createdAt) - Date.now())).toBeLessThan(60_000);
    await jobs.start(id);
    expect((await jobs.find(id))?.state).toBe('running');
    await jobs.finish(id, { state: 'done', report, detail: null });
    expect(await jobs.find(id)).toMatchObject({ state: 'done', report, finishedAt: expect.stringMatching(/Z$/) });
  });

  it('end even where the report quotes what cannot be stored', async () => {
    const jobs = createImportJobs(catalog.db);
    const id = newId();
    await jobs.create({ id, format: 'ndjson', currency: 'USD', dryRun: false });
    const quoting = { ...report, errors: [{ line: 1, code: 'bad', message: 'got a\0b\ud800' }] };
    await jobs.finish(id, { state: 'refused', report: quoting, detail: 'at \0' });
    expect(await jobs.find(id)).toMatchObject({ detail: 'at \ufffd', report: { errors: [{ message: 'got a\ufffdb\ufffd' }] } });
  });

  it.each([newId(), 'no-uuid', '\0'])('are nothing under the id %j', async (id) => {
    expect(await createImportJobs(catalog.db).find(id)).toBeNull();
  });
});

describe('the id of the catalog', () => {
  it('is the one that the first migration made', async () => {
    expect(await catalog.rows('SELECT id FROM catalog')).toEqual([{ id: await readCatalogId(catalog.db) }]);
  });
});
