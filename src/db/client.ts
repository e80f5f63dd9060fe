import { createHash } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from '../generated/prisma/client.js';
import { destroyIdle, watchIdle } from './idle-connections.js';
import { prepareNothing, serverTimeoutMs } from './statement.js';

export interface Database {
  /** For documents, listings and whatever else is read: SQL of our own. */
  pool: pg.Pool;
  /**
   * For writes, what they look up before, import jobs and keys: whoever hands this on in the place of the database has them wait in a line of their own,
   * however many readers wait. The same pool where no connections were kept for them.
   */
  writing: { pool: pg.Pool; url: string };
  /** For the simple repositories, over the pool of `writing`. */
  prisma: PrismaClient;
  /** One connection beside the pool, for whoever asks whether Postgres answers: a pool that is all in use cannot say. */
  probe: pg.Pool;
  url: string;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  url: string;
  /** Connections at most, but for those of `writers`. */
  max: number;
  /** Connections that only writes and keys use, beside the others. Undefined: none, they share the pool. */
  writers?: number;
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
/** Longer than any pause between two looks at the health or two prices of a feed, so that their connections stand when no others are to be had. */
const standingMs = 60_000;

// Statements here take milliseconds, less than compiling them would. UTC last, because whatever the URL says, a session in another zone would store times hours off. The other settings are defaults that
// `options` in the URL may override.
const sessionDefaults = `-c jit=off -c statement_timeout=${serverTimeoutMs} -c lock_timeout=1000 -c idle_in_transaction_session_timeout=10000`;
const sessionFixed = '-c TimeZone=UTC';

/**
 * How the connections of one process are shared out: three in ten are for writes and keys alone, and two where that can be, so that one that waits
 * for a lock does not hold up the next. A price change holds one for some milliseconds: these few make hundreds a second, and no crowd of readers
 * can take them.
 */
export function sharesOf(total: number): { max: number; writers: number } {
  const writers = total < 4 ? 1 : Math.max(2, Math.floor((total * 3) / 10));
  return { max: total - writers, writers };
}

/** Opens the pools and Prisma over that of the readers. Connects at the first use only. */
export function createDatabase(options: DatabaseOptions): Database {
  const { url, max, writers, isPooled = false, applicationName = 'truetag', onConnectionLost = () => {} } = options;
  const { connectionString, options: own } = splitOptions(url);
  function openPool(settings: pg.PoolConfig): pg.Pool {
    const opened = new pg.Pool({
      connectionString,
      ...(isPooled ? {} : { options: [sessionDefaults, own, sessionFixed].filter(Boolean).join(' ') }),
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
  const writePool =
    writers === undefined ? pool : openPool({ max: writers, application_name: `${applicationName} writes`, idleTimeoutMillis: standingMs });
  const probe = openPool({ max: 1, application_name: `${applicationName} health`, idleTimeoutMillis: standingMs });
  const prisma = new PrismaClient({ adapter: new PrismaPg(writePool, isPooled ? {} : { statementNameGenerator: ({ sql }) => statementName(sql) }) });
  const pools = [...new Set([pool, writePool, probe])];
  return {
    pool,
    writing: { pool: writePool, url },
    prisma,
    probe,
    url,
    close: async () => {
      await prisma.$disconnect();
      await Promise.all(pools.map((opened) => opened.end()));
      // The pools have said goodbye and do not wait for the answer. A peer that is gone gives none, and the socket would keep the process alive.
      setTimeout(() => {
        for (const ended of pools) destroyIdle(ended);
      }, connectMs).unref();
    },
  };
}

/**
 * A standby may be behind, so that its answers are none. It becomes a primary, or a primary a standby, only by a restart or a promotion, so
 * looking once per connection is enough, but through a pooler: see `standby.ts`. (`verify` is an option of pg-pool which its types do not know.)
 */
function refuseStandby(client: pg.ClientBase, done: (error?: Error) => void): void {
  const question: pg.QueryConfig & { query_timeout: number } = { text: 'SELECT pg_is_in_recovery() AS "isStandby"', query_timeout: connectMs };
  client.query<{ isStandby: boolean }>(question).then(
    ({ rows }) => done(rows[0]?.isStandby ? Object.assign(new Error('this Postgres is a standby'), { code: '25006', severity: 'ERROR' }) : undefined),
    (error: Error) => done(error),
  );
}

/** pg lets `options` in the URL replace those in code, so they are taken out of it and joined by hand. */
export function splitOptions(url: string): { connectionString: string; options: string | null } {
  const parsed = new URL(url);
  const options = parsed.searchParams.get('options');
  parsed.searchParams.delete('options');
  return { connectionString: options === null ? url : parsed.href, options };
}

/** Prisma writes the same text for the same call, so its hash is a name; Postgres cuts names at 63 bytes. */
function statementName(sql: string): string {
  return `prisma_${createHash('sha1').update(sql).digest('hex')}`;
}
