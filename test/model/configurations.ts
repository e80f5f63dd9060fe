import { type Bounds, bounded } from './bounds.js';

/** Bounds in which the unbroken protocol is searched. */
export interface Configuration {
  name: string;
  bounds: Bounds;
  /** Rules that must have been taken in it, as they begin: a model in which nothing happens violates nothing. */
  reaches: readonly string[];
}

const always = ['W6 acknowledges', 'B: ', 'R2 '];
const leased = [...always, 'R1 hits v0', 'R1 hits v1', 'N2b is answered', 'hears of token a', 'hears of the release of token a', 'passes'];

/** Each is searched to its end in seconds on one core. */
export const small: readonly Configuration[] = [
  {
    name: 'one instance that dies and loses renewals, one write, two reads',
    bounds: bounded({ readers: 2, hasLostRenewals: true, hasRestarts: true }),
    reaches: [...leased, 'loses the answer', 'dies and starts anew'],
  },
  {
    name: 'one instance, one write whose outcome may be unknown, a writer that may die, a reaper',
    bounds: bounded({ hasUnknown: true, hasDeaths: true, hasReaper: true, hasLostRenewals: true }),
    reaches: [...leased, 'deletes token', 'dies', 'does not hear from B', 'W7 ', 'B fails', 'B is rolled back'],
  },
  {
    name: 'one instance, one write that begins before its readers have answered, a writer that may die, a reaper',
    bounds: bounded({ isEager: true, hasDeaths: true, hasReaper: true, hasLostRenewals: true }),
    reaches: [...leased, 'W4 sends B early', 'B is rolled back', 'B: COMMIT', 'B fails', 'dies', 'deletes token'],
  },
  {
    name: 'one instance, one write that begins before its readers have answered, a backend that dies',
    bounds: bounded({ isEager: true, crash: 'backend', crashes: 1, hasReaper: true }),
    reaches: [...leased, 'W4 sends B early', 'B is rolled back', 'B: COMMIT', 'a backend dies'],
  },
  {
    name: 'one instance, one write, the registry tidied, beats known from before',
    bounds: bounded({ hasTidying: true, hasNotes: true, hasLostRenewals: true }),
    reaches: [...leased, 'deletes the row', 'N2a updates no row'],
  },
  {
    name: 'one instance, two writes of one process',
    bounds: bounded({ writes: [2], isWarm: true }),
    reaches: [...leased, 'R1 hits v2', 'W1 arms token b'],
  },
  {
    name: 'one instance that loads documents in a second statement, Redis, one write, two reads',
    bounds: bounded({ readers: 2, hasLoads: true, hasRedis: true, isWarm: true }),
    reaches: [...leased, 'R2 is answered v1: Redis has', 'R2 is answered v1: takes the body', 'W5 '],
  },
  {
    name: 'an instance in validate mode, Redis, two writes, a failover that loses commits',
    bounds: bounded({ isValidating: true, hasLoads: true, hasRedis: true, writes: [2], crash: 'failover', crashes: 1 }),
    reaches: [...always, 'R2 is answered v2: Redis has', 'fails over'],
  },
  {
    name: 'a backend dies: the pair stays, commits that were not flushed are lost',
    bounds: bounded({ crash: 'backend', crashes: 1, hasReaper: true, hasNotes: true }),
    reaches: [...leased, 'a backend dies', 'deletes token', 'B fails'],
  },
  {
    name: 'a restart, fresh processes, settled pairs',
    bounds: bounded({ crash: 'restart', crashes: 1, hasReaper: true, isSeasoned: false, hasSettled: true }),
    reaches: [...leased, 'restarts: a new pair', 'records the pair it knows', 'B fails'],
  },
  {
    name: 'a failover that loses synchronous commits, fresh processes, settled pairs',
    bounds: bounded({ crash: 'failover', crashes: 1, isSeasoned: false, hasSettled: true }),
    reaches: [...leased, 'fails over', 'records the pair it knows'],
  },
];

/** For a machine with time: minutes each, some gigabytes of memory. */
export const large: readonly Pick<Configuration, 'name' | 'bounds'>[] = [
  {
    name: 'one instance, a write that begins before its readers have answered and whose outcome may be unknown',
    bounds: bounded({ isEager: true, hasUnknown: true, hasDeaths: true, hasReaper: true }),
  },
  {
    name: 'two instances, a write that begins before its readers have answered',
    bounds: bounded({ leaseTicks: [2, 1], isEager: true, isWarm: true }),
  },
  {
    name: 'one instance, two writers that begin before their readers have answered',
    bounds: bounded({ writes: [1, 1], isEager: true, hasReaper: true }),
  },
  {
    name: 'a failover that loses synchronous commits, a write that begins before its readers have answered, settled pairs',
    bounds: bounded({ crash: 'failover', crashes: 1, isEager: true, hasReaper: true, isSeasoned: false, hasSettled: true }),
  },
  { name: 'one instance, two writers', bounds: bounded({ writes: [1, 1], hasReaper: true, hasLostRenewals: true }) },
  {
    name: 'two instances, one write, beats known from before',
    bounds: bounded({ leaseTicks: [2, 1], hasNotes: true }),
  },
  {
    name: 'two instances, two writers, leases that last',
    bounds: bounded({ leaseTicks: [1, 1], writes: [1, 1], isWarm: true, hasTime: false }),
  },
  {
    name: 'two instances, two writers, what was in memory before them',
    bounds: bounded({ leaseTicks: [2, 1], writes: [1, 1], isWarm: true, readers: 0 }),
  },
  {
    name: 'a failover that loses synchronous commits, two fresh writers, settled pairs, what was in memory before',
    bounds: bounded({ crash: 'failover', crashes: 1, writes: [1, 1], isSeasoned: false, hasSettled: true, isWarm: true, readers: 0 }),
  },
  {
    name: 'two failovers that lose synchronous commits, a fresh process, settled pairs',
    bounds: bounded({ crash: 'failover', crashes: 2, isSeasoned: false, hasSettled: true, hasReaper: true }),
  },
  {
    name: 'a failover that loses synchronous commits, the registry tidied, beats known from before, settled pairs',
    bounds: bounded({ crash: 'failover', crashes: 1, hasTidying: true, hasNotes: true, hasSettled: true }),
  },
  {
    name: 'a restart amid a write whose outcome is unknown',
    bounds: bounded({ crash: 'restart', crashes: 1, hasReaper: true, hasUnknown: true, isSeasoned: false, hasSettled: true }),
  },
  {
    name: 'a backend dies amid a write whose outcome is unknown',
    bounds: bounded({ crash: 'backend', crashes: 1, hasReaper: true, hasUnknown: true, hasNotes: true }),
  },
];
