import { parseArgs } from 'node:util';
import { sabotages } from '../sabotage/sabotages.js';
import { faultKinds } from './fault-schedule.js';

export interface Options {
  seconds: number;
  seed: number;
  instances: number;
  mode: 'lease' | 'validate';
  /** A name from the table of sabotages. */
  sabotage: string | undefined;
  /** Kinds from the table of faults. */
  faults: string[];
  /** Answers and price writes a second, at most. */
  reads: number;
  writes: number;
  /** What a run has to reach to count. */
  minReads: number;
  minWrites: number;
  json: string | undefined;
}

export const usage = `npm run test:truth -- --seconds N --seed S
  --instances N       server processes, 3 or more unless told (a guest joins and leaves beside them)
  --mode M            lease or validate
  --faults A,B        only these kinds; none: no faults
  --sabotage NAME     one rule broken on purpose: the run must fail
  --reads N           answers a second, at most
  --writes N          price writes a second, at most
  --min-reads N       fail with fewer answers
  --min-writes N      fail with fewer acknowledged writes
  --json FILE         the figures
faults: ${Object.keys(faultKinds).join(' ')}
sabotages: ${Object.keys(sabotages).join(' ')}`;

/** @throws Error with one line where an argument cannot be used */
export function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: text,
      seed: text,
      instances: text,
      mode: text,
      sabotage: text,
      faults: text,
      reads: text,
      writes: text,
      'min-reads': text,
      'min-writes': text,
      json: text,
    },
  });
  const whole = (name: string, given: string | undefined, byDefault: number, least: number) => {
    const value = given === undefined ? byDefault : Number(given);
    if (!Number.isInteger(value) || value < least) throw new Error(`--${name} must be a whole number from ${least}`);
    return value;
  };
  const { mode = 'lease', sabotage, faults } = values;
  if (mode !== 'lease' && mode !== 'validate') throw new Error('--mode must be lease or validate');
  if (sabotage !== undefined && !Object.hasOwn(sabotages, sabotage)) throw new Error(`there is no sabotage ${sabotage}`);
  const kinds = faults === undefined ? Object.keys(faultKinds) : faults === 'none' ? [] : faults.split(',');
  for (const kind of kinds) if (!Object.hasOwn(faultKinds, kind)) throw new Error(`there is no fault ${kind}`);
  return {
    seconds: whole('seconds', values.seconds, 30, 10),
    seed: whole('seed', values.seed, 1, 0),
    instances: whole('instances', values.instances, 3, 1),
    mode,
    sabotage,
    faults: kinds,
    reads: whole('reads', values.reads, 4_000, 1),
    writes: whole('writes', values.writes, 30, 1),
    minReads: whole('min-reads', values['min-reads'], 1, 0),
    minWrites: whole('min-writes', values['min-writes'], 1, 0),
    json: values.json,
  };
}
