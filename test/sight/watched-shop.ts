import { beforeAll } from 'vitest';
import type { Config } from '../../src/config.js';
import { openShop, type Shop } from '../routes/open-shop.js';
import { type Scrape, scrape } from './scrape.js';

export interface WatchedShop extends Shop {
  readonly metricsUrl: string;
  scrape(): Promise<Scrape>;
}

/** A shop that tells Prometheus on a port of its own. */
export function openWatchedShop(options: { demo?: boolean; redis?: boolean; config?: Partial<Config> } = {}): WatchedShop {
  const shop = openShop({ ...options, config: { metrics: { host: '127.0.0.1', port: 0 }, ...options.config } });
  let url = '';
  beforeAll(async () => {
    url = (await shop.service.sight.listen())?.url ?? '';
  });
  return Object.defineProperties({ scrape: () => scrape(url) } as WatchedShop, {
    ...Object.getOwnPropertyDescriptors(shop),
    metricsUrl: { get: () => url },
  });
}
