import { createHash } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from '../generated/prisma/client.js';
import { cutConnection } from './cut-connection.js';
import { destroyIdle, watchIdle } from './idle-connections.js';
import { prepareNothing, serverTimeoutMs } from './statement.js';

export interface Database {
  /** For documents, listings and writes: SQL of our own. */
  pool: pg.Pool;
  /** For the simple repositories, over the same pool. */
  prisma: PrismaClient;
  /** One connection beside the pool, for whoever asks whether Postgres answers: a pool that is all in use cannot say. */
  probe: pg.Pool;
  url: string;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  url: string;
  /** Connections at most. */
  max: number;
  /**
   * Whether a transaction-mode pooler stands in between. Then neither start-up settings nor named statements come through, and the server's
   * time zone has to be UTC: see `requireUtc`.
   */
  isPooled?: boolean;
  applicationName?: string;
  /** Told of connections that broke while nobody used them. The pool replaces them by itself. */
  onConnectionLost?: (error: Error) => void;
}

/** Milliseconds. The server's own bounds do not fire where the network swallows packets, so the client has bounds as well. */
const connectMs = 1000;
const answerMs = 1000;
/** Longer than any pause between two looks at the health, so that its connection stands when no other is to be had. */
const probeIdleMs = 60_000;

// Statements here take milliseconds, less than compiling them would. UTC last, because whatever the URL says, a session in another zone would store times hours off. The other settings are defaults that
// `options` in the URL may override.
const sessionDefaults = `-c jit=off -c statement_timeout=${serverTimeoutMs} -c lock_timeout=1000 -c idle_in_transaction_session_timeout=10000`;
const sessionFixed = '-c TimeZone=UTC';

/** Opens the pool and Prisma over it. Connects at the first use only. */
export function createDatabase({ url, max, isPooled = false, applicationName = 'truetag', onConnectionLost = () => {} }: DatabaseOptions): Database {
  const { connectionString, options } = splitOptions(url);
  function openPool(settings: pg.PoolConfig): pg.Pool {
    const opened = new pg.Pool({
      connectionString,
      ...(isPooled ? {} : { options: [sessionDefaults, options, sessionFixed].filter(Boolean).join(' ') }),
      connectionTimeoutMillis: connectMs,
      query_timeout: answerMs,
      keepAlive: true,
      // Whoever holds a connection may send several statements before the first answer: each is still a message of its own.
      pipeline: true,
      verify: refuseStandby,
      ...settings,
    } as pg.PoolConfig);
    if (isPooled) prepareNothing(opened);
    watchIdle(opened);
    opened.on('error', onConnectionLost);
    // A connection in somebody's hands that breaks between two queries has no other listener; whoever holds it learns of it at its next query.
    opened.on('connect', (client) => client.on('error', () => {}));
    return opened;
  }
  const pool = openPool({ max, application_name: applicationName });
  const probe = openPool({ max: 1, application_name: `${applicationName} health`, idleTimeoutMillis: probeIdleMs });
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool, isPooled ? {} : { statementNameGenerator: ({ sql }) => statementName(sql) }) });
  return {
    pool,
    prisma,
    probe,
    url,
    close: async () => {
      await prisma.$disconnect();
      await Promise.all([pool.end(), probe.end()]);
      // The pools have said goodbye and do not wait for the answer. A peer that is gone gives none, and the socket would keep the process alive.
      setTimeout(() => {
        for (const ended of [pool, probe]) destroyIdle(ended);
      }, connectMs).unref();
    },
  };
}

/** Whether whoever answers here refuses start-up settings, as a pooler does. False where nobody answers. */
export async function isPooler(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, options: sessionFixed, connectionTimeoutMillis: connectMs });
  client.on('error', () => {});
  try {
    await client.connect();
    return false;
  } catch (error) {
    return error instanceof Error && error.message.includes('startup parameter');
  } finally {
    cutConnection(client);
  }
}

/** Behind a pooler the time zone cannot be set for each connection, and in another than UTC times would be stored hours off. */
export async function requireUtc({ pool }: Pick<Database, 'pool'>): Promise<void> {
  const { rows } = await pool.query<{ zone: string }>(`SELECT current_setting('TimeZone') AS zone`);
  const zone = rows[0]?.zone ?? '';
  if (!/^(Etc\/)?(UTC|UCT|GMT|Zulu|Universal)$/i.test(zone)) {
    throw new Error(
      `The database's time zone is ${zone}: behind a pooler it has to be UTC (ALTER ROLE ... SET timezone TO 'UTC', then reconnect the pooler)`,
    );
  }
}

/**
 * A standby may be behind, so that its answers are none. It becomes a primary, or a primary a standby, only by a restart or a promotion, so
 * looking once per connection is enough. (`verify` is an option of pg-pool which its types do not know.)
 */
function refuseStandby(client: pg.ClientBase, done: (error?: Error) => void): void {
  const question: pg.QueryConfig & { query_timeout: number } = { text: 'SELECT pg_is_in_recovery() AS "isStandby"', query_timeout: connectMs };
  client.query<{ isStandby: boolean }>(question).then(
    ({ rows }) => done(rows[0]?.isStandby ? Object.assign(new Error('this Postgres is a standby'), { code: '25006', severity: 'ERROR' }) : undefined),
    (error: Error) => done(error),
  );
}

/** pg lets `options` in the URL replace those in code, so they are taken out of it and joined by hand. */
function splitOptions(url: string): { connectionString: string; options: string | null } {
  const parsed = new URL(url);
  const options = parsed.searchParams.get('options');
  parsed.searchParams.delete('options');
  return { connectionString: options === null ? url : parsed.href, options };
}

/** Prisma writes the same text for the same call, so its hash is a name; Postgres cuts names at 63 bytes. */
function statementName(sql: string): string {
  return `prisma_${createHash('sha1').update(sql).digest('hex')}`;
}
