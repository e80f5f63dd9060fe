import type { Database, Instance, Reader, State, Writer } from './state.js';

/** Byte by byte, in one order for both ways. The two packed fields have at most 8 bits: there are at most two instances. */
export function encodeState(s: State, b: Uint8Array, start: number): number {
  let at = start;
  b[at++] = s.pair | (s.crashesLeft << 4);
  b[at++] = s.top | (s.floor << 4);
  b[at++] = s.lost;
  b[at++] = s.armed | (s.freed << 4);
  b[at++] = s.revoked | (s.acknowledged << 4);
  b[at++] = s.redisLabel | (s.redisBody << 4);
  b[at++] = s.watchedBeats;
  b[at++] = s.watchedTicks;
  at = encodeDatabase(s.now, b, at);
  at = encodeDatabase(s.flushed, b, at);
  for (const i of s.instances) {
    b[at++] = i.membership | (i.renewal << 4);
    b[at++] = i.lease | (i.pair << 4);
    b[at++] = i.memory | (i.body << 4);
    b[at++] = i.blocked | (i.released << 4);
    b[at++] = i.acked | (i.owed << 4);
    b[at++] = i.sinceSend | (i.knownBefore << 4);
    b[at++] = i.replyBlocks | (i.replyPair << 4);
  }
  for (const r of s.readers) {
    b[at++] = r.phase | (r.instance << 4);
    b[at++] = r.floor | (r.isOutdated << 4);
    b[at++] = r.version;
    b[at++] = r.label | (r.body << 4);
  }
  for (const w of s.writers) {
    b[at++] = w.phase | (w.writes << 4);
    b[at++] = w.sinceArm | (w.pair << 4);
    b[at++] = w.needed | (w.isSettled << 4);
    b[at++] = w.beats;
    b[at++] = w.beatTicks;
    b[at++] = w.knownPair | (w.knownTicks << 4);
    b[at++] = w.transaction | (w.value << 4);
  }
  return at;
}

function encodeDatabase(d: Database, b: Uint8Array, start: number): number {
  b[start] = d.value | (d.blocks << 4);
  b[start + 1] = d.log | (d.settled << 4);
  b[start + 2] = d.beats;
  return start + 3;
}

/** `counts` says how many instances, readers and writers there are. */
export function createDecoder(counts: { instances: number; readers: number; writers: number }): (b: Uint8Array, at: number) => State {
  let b!: Uint8Array;
  let at = 0;
  const byte = () => b[at++] as number;
  const low = () => (b[at] as number) & 15;
  const high = () => (b[at++] as number) >> 4;
  return (bytes, start) => {
    b = bytes;
    at = start;
    const state: State = {
      pair: low(),
      crashesLeft: high(),
      top: low(),
      floor: high(),
      lost: byte(),
      armed: low(),
      freed: high(),
      revoked: low(),
      acknowledged: high(),
      redisLabel: low(),
      redisBody: high(),
      watchedBeats: byte(),
      watchedTicks: byte(),
      now: database(),
      flushed: database(),
      instances: [],
      readers: [],
      writers: [],
    };
    for (let i = 0; i < counts.instances; i++) state.instances.push(instance());
    for (let i = 0; i < counts.readers; i++) state.readers.push(reader());
    for (let i = 0; i < counts.writers; i++) state.writers.push(writer());
    return state;
  };

  function database(): Database {
    return { value: low(), blocks: high(), log: low(), settled: high(), beats: byte() };
  }

  function instance(): Instance {
    return {
      membership: low(),
      renewal: high(),
      lease: low(),
      pair: high(),
      memory: low(),
      body: high(),
      blocked: low(),
      released: high(),
      acked: low(),
      owed: high(),
      sinceSend: low(),
      knownBefore: high(),
      replyBlocks: low(),
      replyPair: high(),
    };
  }

  function reader(): Reader {
    return { phase: low(), instance: high(), floor: low(), isOutdated: high(), version: byte(), label: low(), body: high() };
  }

  function writer(): Writer {
    return {
      phase: low(),
      writes: high(),
      sinceArm: low(),
      pair: high(),
      needed: low(),
      isSettled: high(),
      beats: byte(),
      beatTicks: byte(),
      knownPair: low(),
      knownTicks: high(),
      transaction: low(),
      value: high(),
    };
  }
}
