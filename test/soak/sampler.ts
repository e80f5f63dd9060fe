import { Redis } from 'ioredis';
import pg from 'pg';
import type { ProcessSample } from '../truth/process-sample.js';
import type { Sample } from './growth.js';

export interface Sampler {
  take(): Promise<Sample>;
  close(): Promise<void>;
}

/** The one key that lives for ever, because a generation that came back would bring old pages back. */
const endlessByDesign = /^[^:]+:generation$/;

const tablesSql = `
    SELECT 'size ' || relname AS figure, pg_total_relation_size(relid)::float8 AS value FROM pg_stat_user_tables
    WHERE relname IN ('block', 'instance', 'write_log', 'product')
    UNION ALL SELECT 'blocks', count(*)::float8 FROM block
    UNION ALL SELECT 'instances', count(*)::float8 FROM instance
    UNION ALL SELECT 'connections', count(*)::float8 FROM pg_stat_activity WHERE datname = current_database()`;

/**
 * Looks at every instance, at Redis and at Postgres, past their proxies. What cannot be asked at the moment, because a fault has it, is left out
 * of the sample.
 */
export function createSampler(options: {
  postgresUrl: string;
  redisPort: number;
  instances: readonly { name: string; sample(): Promise<ProcessSample | null> }[];
}): Sampler {
  const redis = new Redis(options.redisPort, '127.0.0.1', { maxRetriesPerRequest: 0, commandTimeout: 5_000, connectTimeout: 2_000 });
  redis.on('error', () => {});

  async function ofInstances(): Promise<Sample> {
    const sample: Sample = {};
    await Promise.all(
      options.instances.map(async ({ name, sample: take }) => {
        for (const [figure, value] of Object.entries((await take()) ?? {})) sample[`${figure} ${name}`] = value;
      }),
    );
    return sample;
  }

  async function ofRedis(): Promise<Sample> {
    let endless = 0;
    for (let cursor = '0'; ; ) {
      const [next, keys] = await redis.scan(cursor, 'COUNT', 500);
      const lives = await Promise.all(keys.map((key) => redis.ttl(key)));
      // -1 says that it has no end; -2 that it has ended meanwhile.
      endless += keys.filter((key, i) => lives[i] === -1 && !endlessByDesign.test(key)).length;
      if (next === '0') return { endless };
      cursor = next;
    }
  }

  async function ofPostgres(): Promise<Sample> {
    const client = new pg.Client({ connectionString: options.postgresUrl, connectionTimeoutMillis: 2_000, query_timeout: 5_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      const { rows } = await client.query<{ figure: string; value: number }>(tablesSql);
      return Object.fromEntries(rows.map(({ figure, value }) => [figure, value]));
    } finally {
      await client.end().catch(() => {});
    }
  }

  return {
    async take() {
      const parts = await Promise.all([ofInstances(), ...[ofRedis(), ofPostgres()].map((part) => part.catch(() => ({})))]);
      return Object.assign({}, ...parts) as Sample;
    },
    close: async () => redis.disconnect(),
  };
}
