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
    const nothing = { ...report, products: { created: 0, updated: 0, unchanged: 0, failed: 0 }, errors: [] };
    await jobs.start(id, nothing);
    expect(await jobs.find(id)).toMatchObject({ state: 'running', report: nothing });
    const soFar = { ...nothing, products: { ...nothing.products, created: 200 } };
    await jobs.beat(id, soFar);
    await jobs.beat(id, null);
    expect(await jobs.find(id)).toMatchObject({ state: 'running', report: soFar });
    await jobs.finish(id, { state: 'done', report, detail: null });
    await jobs.beat(id, soFar);
    expect(await jobs.find(id)).toMatchObject({ state: 'done', report, finishedAt: expect.stringMatching(/Z$/) });
  });

  it('have failed once the process that had them has been silent for two minutes', async () => {
    const jobs = createImportJobs(catalog.db);
    const silentFor = async (seconds: number, id: string) =>
      catalog.rows('UPDATE import_job SET beat_at = now() - make_interval(secs => $1) WHERE id = $2', [seconds, id]);
    const [waiting, running, over] = [newId(), newId(), newId()];
    for (const id of [waiting, running, over]) await jobs.create({ id, format: 'shopify', currency: 'USD', dryRun: false });
    for (const id of [running, over]) await jobs.start(id, report);
    await jobs.finish(over, { state: 'done', report, detail: null });
    for (const id of [waiting, running, over]) await silentFor(110, id);
    expect([(await jobs.find(waiting))?.state, (await jobs.find(running))?.state]).toEqual(['queued', 'running']);
    await silentFor(130, running);
    await jobs.beat(running, report);
    expect((await jobs.find(running))?.state).toBe('running');
    for (const id of [waiting, running, over]) await silentFor(130, id);
    const gone = { state: 'failed', detail: expect.stringContaining('run the same file again'), finishedAt: expect.any(String) };
    expect(await jobs.find(waiting)).toMatchObject(gone);
    expect(await jobs.find(running)).toMatchObject({ ...gone, report });
    expect((await jobs.find(over))?.state).toBe('done');
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
