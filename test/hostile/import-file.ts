import type { ImportJob } from '../../src/catalog/import.js';
import { asAdmin } from '../harness/service.js';
import type { Shop } from '../routes/open-shop.js';

/** Imports a file over HTTP and waits until it is done or refused. */
export async function importFile({ http }: Shop, text: string, format: 'shopify' | 'ndjson' = 'shopify'): Promise<ImportJob> {
  const type = format === 'shopify' ? 'text/csv' : 'application/x-ndjson';
  const { body } = await http.post(`/v1/admin/imports?format=${format}&currency=USD`).set(asAdmin).set('content-type', type).send(text).expect(202);
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
    const job: ImportJob = (await http.get(`/v1/admin/imports/${body.id}`).set(asAdmin).expect(200)).body;
    if (job.state !== 'queued' && job.state !== 'running') return job;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`the import ${body.id} goes on`);
}
