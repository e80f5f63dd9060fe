import type { Emit } from './checker.js';
import { returns } from './postgres.js';
import type { World } from './sabotage.js';
import { asking, clone, free, type Instance, loading, type Reader, type State, tearing, told, versionOf } from './state.js';

/**
 * R2 and R3. A read begins in the moment its version query is sent: one that began earlier, and joined, has the lower floor and is the weaker test.
 */
export function readerSteps(world: World): (s: State, emit: Emit<State>) => void {
  const { bounds } = world;
  const noGenCheck = world.breaks('no-gen-check');
  const joinsSentQuery = world.breaks('join-of-sent-query');
  const tornDocument = world.breaks('torn-document');
  const takesOlderBody = world.breaks('older-body-of-winner');
  const redisTrusted = world.breaks('redis-trusted');
  const tokenIgnored = world.breaks('version-without-token');

  // One search at a time: what the functions below share while one state is looked at.
  let s!: State;
  let emit!: Emit<State>;
  return (state, to) => {
    s = state;
    emit = to;
    const freeAt = s.readers.findIndex((reader) => reader.phase === free);
    if (freeAt >= 0) for (let i = 0; i < s.instances.length; i++) begin(freeAt, i);
    s.readers.forEach((from, at) => {
      if (from.phase === asking) {
        step(at, 'R2 version query takes its snapshot', (n, reader) => {
          reader.phase = told;
          reader.version = n.now.value;
        });
      }
      if (from.phase === told) {
        if (bounds.hasLoads) find(at, from);
        else step(at, `R2 is answered v${from.version}: R3, returns it`, (n, reader) => finish(n, reader, reader.version, reader.version));
      }
      if (from.phase === tearing) {
        step(at, 'reads the version in a second statement', (n, reader) => {
          reader.phase = loading;
          reader.label = n.now.value;
        });
      }
      if (from.phase === loading) step(at, `load is answered v${from.label}: R3, returns v${from.body}`, store);
    });
  };

  function step(at: number, rule: string, change: (n: State, reader: Reader) => string | undefined) {
    const n = clone(s);
    const broken = change(n, n.readers[at] as Reader);
    emit(`read ${at} on i${n.readers[at]?.instance}`, rule, n, broken);
  }

  function begin(at: number, i: number) {
    const own = s.instances[i] as Instance;
    if (own.memory !== 0 && own.blocked === 0 && own.lease > 0) return;
    step(at, 'begins: R2 sends its version query', (n, reader) => {
      Object.assign(reader, { phase: asking, instance: i, floor: n.floor, isOutdated: 0, version: 0, label: 0, body: 0 });
    });
    if (!joinsSentQuery) return;
    s.readers.forEach((sent, k) => {
      if (sent.instance !== i || (sent.phase !== asking && sent.phase !== told)) return;
      step(at, `begins: joins the query that read ${k} has sent`, (n, reader) => {
        Object.assign(reader, sent, { floor: n.floor });
      });
    });
  }

  /** The body of the version told: from memory, from Redis, from a load under way, or loaded. */
  function find(at: number, from: Reader) {
    const own = s.instances[from.instance] as Instance;
    if (own.memory > 0 && isVersion(own.memory - 1, from.version)) {
      step(at, `R2 is answered v${from.version}: memory has its body`, (n, reader) => finish(n, reader, own.memory - 1, own.body - 1));
      return;
    }
    if (s.redisLabel > 0 && (redisTrusted || isVersion(s.redisLabel - 1, from.version))) {
      step(at, `R2 is answered v${from.version}: Redis has a body`, (n, reader) => finish(n, reader, n.redisLabel - 1, n.redisBody - 1));
    }
    s.readers.forEach((winner, k) => {
      if (winner.phase !== loading) return;
      const isNewer = winner.label > from.version && winner.instance === from.instance;
      if (!takesOlderBody && !isNewer && !isVersion(winner.label, from.version)) return;
      step(at, `R2 is answered v${from.version}: takes the body v${winner.label} that read ${k} loads`, (n, reader) =>
        finish(n, reader, winner.label, winner.body),
      );
    });
    if (tornDocument) {
      step(at, `R2 is answered v${from.version}: reads the body in one statement`, (n, reader) => {
        reader.phase = tearing;
        reader.body = n.now.value;
      });
    } else {
      step(at, `R2 is answered v${from.version}: load takes its snapshot`, (n, reader) => {
        reader.phase = loading;
        reader.label = n.now.value;
        reader.body = n.now.value;
      });
    }
  }

  function isVersion(value: number, toldValue: number): boolean {
    return tokenIgnored ? versionOf(s, value) === versionOf(s, toldValue) : value === toldValue;
  }

  function store(n: State, reader: Reader): string | undefined {
    if (bounds.hasRedis) putIntoRedis(n, reader.label, reader.body);
    return finish(n, reader, reader.label, reader.body);
  }

  function finish(n: State, reader: Reader, label: number, body: number): string | undefined {
    const own = n.instances[reader.instance] as Instance;
    if (own.lease > 0 && own.blocked === 0 && (reader.isOutdated === 0 || noGenCheck)) {
      own.memory = label + 1;
      own.body = body + 1;
    }
    reader.phase = free;
    return returns(n, body, reader.floor);
  }
}

/** The script refuses an older version. */
export function putIntoRedis(n: State, label: number, body: number) {
  if (n.redisLabel > 0 && versionOf(n, n.redisLabel - 1) > versionOf(n, label)) return;
  n.redisLabel = label + 1;
  n.redisBody = body + 1;
}
