import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Look, Session, SessionEvents } from '../cache/truth-ports.js';
import { ackChannel, ackMessage, blockChannel, type Notice, readNotice, releaseMessage } from './channels.js';
import { cutConnection } from './cut-connection.js';

/** Notices of our own that are not heard by then do not come through: a transaction-mode pooler stands in between. */
const echoMs = 500;
const connectMs = 1000;
/** An ack is sent at once, and not when a renewal has been answered. (An option of pg that its types do not know.) */
const pipelined: object = { pipeline: true };

/**
 * On disk when it returns, whatever the session says otherwise. Where a backend is killed, Postgres ends all others and recovers under the same
 * postmaster: the pair stays, and what was not on disk is gone.
 */
const isOnDisk = `set_config('synchronous_commit', 'on', true) = 'on'`;

// A beat that went back would look to writers as if it had stood still, behind a lease that was granted for it.
const beatSql = `UPDATE instance SET beat = $2 WHERE id = $1 AND ${isOnDisk}`;
// One statement, and no function that reads: one snapshot for the blocks, the pair and the registry.
const lookSql = `
    SELECT database_pair() AS pair, (SELECT c.settled_pair FROM catalog c) AS settled, pg_is_in_recovery() AS "isStandby",
        (SELECT coalesce(json_agg(json_build_object('token', b.token, 'writer', b.writer, 'keys', b.keys)), '[]')
         FROM (SELECT token, min(writer::text) AS writer, array_agg(key) AS keys FROM block GROUP BY token) b) AS blocks,
        (SELECT coalesce(json_agg(json_build_object('id', i.id, 'beat', i.beat, 'leaseMs', i.lease_ms)), '[]') FROM instance i) AS instances`;
// Rows that a commit holds are left to it. Blocks that came back would let a late commit pass, after everybody has been told of their end.
const reapSql = `
    WITH ended AS (
        DELETE FROM block b USING (SELECT token, key FROM block WHERE token = ANY ($1::uuid[]) FOR UPDATE SKIP LOCKED) free
        WHERE b.token = free.token AND b.key = free.key AND ${isOnDisk} RETURNING b.token
    )
    SELECT pg_notify($2, $3 || e.token) FROM (SELECT DISTINCT token FROM ended) e`;

// So many at a time, because it must not outlast an answer.
const pruneSql = `DELETE FROM write_log WHERE token IN (SELECT token FROM write_log WHERE at < now() - interval '1 day' LIMIT 20000)`;

/**
 * J1: a connection of its own to the primary, with LISTEN, on which notices have been heard to arrive.
 * @param url past a pooler
 * @param answerMs how long the server may take for any answer; less than a lease, since a dead connection is found out by nothing else
 */
export function createOpenSession(options: { url: string; catalogId: string; answerMs: number }) {
  const channel = blockChannel(options.catalogId);

  return async (process: string, events: SessionEvents): Promise<Session> => {
    const settings = { connectionString: options.url, connectionTimeoutMillis: connectMs, query_timeout: options.answerMs };
    const client = new pg.Client({ ...settings, application_name: 'truetag lease', keepAlive: true, ...pipelined });
    let isOver = false;
    const end = (error: Error) => {
      if (isOver) return;
      isOver = true;
      cutConnection(client);
      events.onEnd(error);
    };
    client.on('error', end);
    client.on('end', () => end(new Error('the connection to Postgres was closed')));

    let heard = (_token: string) => {};
    client.on('notification', ({ payload }) => {
      const notice = readNotice(payload ?? '');
      if (notice?.kind === 'echo') heard(notice.token);
      else if (notice) tell(notice);
    });
    function tell(notice: Exclude<Notice, { kind: 'echo' }>) {
      if (notice.kind === 'arm') events.onArm(notice.token, notice.writer, notice.keys);
      else if (notice.kind === 'release') events.onRelease(notice.token);
      else events.onAck(notice.token, notice.instance);
    }

    async function ask<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<pg.QueryResult<Row>> {
      try {
        return await client.query<Row>(text, [...values]);
      } catch (error) {
        // An answer that did not come may come yet, to the next question.
        end(error as Error);
        throw error;
      }
    }
    /** From another connection: a pooler may pass a notice on to whoever has just sent it, and to nobody else. */
    async function hearOurselves() {
      const token = randomUUID();
      let timer: NodeJS.Timeout | undefined;
      const echo = new Promise<boolean>((resolve) => {
        heard = (seen) => seen === token && resolve(true);
        timer = setTimeout(() => resolve(false), echoMs);
      });
      const caller = new pg.Client({ ...settings, application_name: 'truetag echo' });
      caller.on('error', () => {});
      try {
        await caller.connect();
        await caller.query('SELECT pg_notify($1, $2)', [ackChannel(process), `echo ${token}`]);
        if (await echo) return;
      } finally {
        clearTimeout(timer);
        cutConnection(caller);
      }
      throw new Error('notices of Postgres do not arrive, as behind a transaction-mode pooler: set DATABASE_DIRECT_URL past it');
    }

    try {
      await client.connect();
      // An ack must not wait for a disk. What must, says so: see `isOnDisk`, and join_instance.
      await ask(`SET TimeZone = 'UTC'; SET statement_timeout = ${Math.ceil(options.answerMs)}; SET synchronous_commit = off`);
      await ask(`LISTEN ${channel}`);
      await ask(`LISTEN ${ackChannel(process)}`);
      await hearOurselves();
    } catch (error) {
      isOver = true;
      cutConnection(client);
      throw error;
    }

    return {
      async join(id, leaseMs) {
        await ask('SELECT join_instance($1, $2)', [id, leaseMs]);
      },
      async leave(id) {
        await ask('DELETE FROM instance WHERE id = $1', [id]);
      },
      beat: async (id, beat) => (await ask(beatSql, [id, beat])).rowCount === 1,
      async look() {
        const { rows } = await ask<Omit<Look, 'isSettled'> & { settled: string | null; isStandby: boolean }>(lookSql);
        const row = rows[0];
        if (!row || row.isStandby) {
          const error = new Error('the database is a standby');
          end(error);
          throw error;
        }
        return { pair: row.pair, isSettled: row.settled === row.pair, blocks: row.blocks, instances: row.instances };
      },
      keysOf: async (token) => (await ask<{ key: string }>('SELECT key FROM block WHERE token = $1', [token])).rows.map(({ key }) => key),
      async ack(writer, token, instance) {
        // Nothing to parse, plan or bind: a writer waits for it.
        await ask(`NOTIFY ${pg.escapeIdentifier(ackChannel(writer))}, ${pg.escapeLiteral(ackMessage(token, instance))}`);
      },
      async deleteInstance(id, beat) {
        await ask('DELETE FROM instance WHERE id = $1 AND beat = $2', [id, beat]);
      },
      async reap(tokens) {
        await ask(reapSql, [tokens, channel, releaseMessage('')]);
      },
      async settle(pair) {
        await ask('UPDATE catalog SET settled_pair = $1 WHERE database_pair() = $1', [pair]);
      },
      async prune() {
        await ask(pruneSql);
      },
      close() {
        isOver = true;
        cutConnection(client);
      },
    };
  };
}
