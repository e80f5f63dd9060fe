import pg, { type QueryResultRow } from 'pg';
import type { Registered, RegistryLook, WriteSteps } from '../cache/truth-ports.js';
import { armMessage, blockChannel, releaseMessage } from './channels.js';
import type { Database } from './client.js';
import { cutConnection } from './cut-connection.js';
import { inShopWords } from './failures.js';
import { createPoolQuery, type Statement } from './statement.js';

const armSql: Statement = { name: 'truth_arm', text: 'SELECT arm_write($1, $2::text[], $3, $4, $5) AS pair' };
/** W2: see `toLook`. */
export const registrySql: Statement = {
  name: 'truth_registry',
  text: `
    SELECT database_pair() AS pair, (SELECT c.settled_pair FROM catalog c) AS settled,
        (SELECT coalesce(json_agg(json_build_object('id', i.id, 'beat', i.beat, 'leaseMs', i.lease_ms)), '[]') FROM instance i) AS instances`,
};
const disarmSql: Statement = { name: 'truth_disarm', text: 'SELECT disarm_write($1, $2, $3) AS "isCommitted"' };

/** A transaction that was cut off ends by itself after three seconds; its blocks can be taken away then. */
const disarmMs = 4000;
const connectMs = 1000;

export function toLook([row]: readonly QueryResultRow[]): RegistryLook {
  if (!row) throw new Error('the registry gave no row');
  const { pair, settled, instances } = row as { pair: string; settled: string | null; instances: Registered[] };
  return { pair, isSettled: settled === pair, instances };
}

/** W1, W2 and W7 over the pool, W7 over a connection made for it. */
export function createWriteSteps({ pool, url }: Pick<Database, 'pool' | 'url'>, catalogId: string): WriteSteps {
  const query = createPoolQuery(pool);
  const channel = blockChannel(catalogId);

  return {
    async arm(token, keys, writer) {
      const [row] = await query<{ pair: string }>(armSql, [token, keys, writer, channel, armMessage(token, writer, keys)]);
      if (!row) throw new Error('arm_write gave no row');
      return row.pair;
    },

    registry: async () => toLook(await query(registrySql, [])),

    async release(token) {
      await query(disarmSql, [token, channel, releaseMessage(token)]);
    },

    findOutcome: (token) =>
      inShopWords(async () => {
        const client = new pg.Client({
          connectionString: url,
          connectionTimeoutMillis: connectMs,
          query_timeout: disarmMs,
          application_name: 'truetag outcome',
        });
        client.on('error', () => {});
        try {
          await client.connect();
          const { rows } = await client.query<{ isCommitted: boolean }>(disarmSql.text, [token, channel, releaseMessage(token)]);
          return rows[0]?.isCommitted === true;
        } finally {
          cutConnection(client);
        }
      }),
  };
}
