import { setTimeout as sleep } from 'node:timers/promises';
import type { ImportJob } from '../../src/catalog/import.js';
import { asAdmin } from '../harness/service.js';
import type { Shop } from './open-shop.js';

/** Sends a file, waits until it is done with and gives how it went. */
export async function importCsv(shop: Shop, file: string | Buffer, query = 'format=shopify&currency=USD', type = 'text/csv'): Promise<ImportJob> {
  const { body } = await shop.http.post(`/v1/admin/imports?${query}`).set(asAdmin).set('content-type', type).send(file).expect(202);
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(20)) {
    const { body: job } = await shop.http.get(`/v1/admin/imports/${body.id}`).set(asAdmin).expect(200);
    if (job.state !== 'queued' && job.state !== 'running') return job;
  }
  throw new Error('the import did not end in time');
}
