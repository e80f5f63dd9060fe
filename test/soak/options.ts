import { parseArgs } from 'node:util';
import { faultKinds } from '../truth/fault-schedule.js';
import { leaks } from './leaks.js';

export interface SoakOptions {
  minutes: number;
  seed: number;
  instances: number;
  /** Answers a second at most, over all instances. */
  requests: number;
  writes: number;
  faults: string[];
  /** A name from the table of leaks: the run must fail. */
  leak: string | undefined;
  json: string | undefined;
}

export const usage = `npm run soak -- --minutes N --seed S
  --instances N   server processes, 2 unless told (a guest joins and leaves beside them)
  --requests N    a second, at most, 150 unless told
  --writes N      price writes a second, at most, 10 unless told
  --faults none   no faults
  --leak NAME     what each instance loses on purpose: ${Object.keys(leaks).join(', ')}
  --json FILE     the samples and the verdict`;

/** A process that ends takes what it has piled up with it, so that residents live through the whole run; the guest comes and goes. */
const endsProcess = /^(process-killed|process-left|fail-point-.*)$/;

/** @throws Error with one line where an argument cannot be used */
export function readOptions(args: readonly string[]): SoakOptions {
  const text = { type: 'string' } as const;
  const names = { minutes: text, seed: text, instances: text, requests: text, writes: text, faults: text, leak: text, json: text };
  const { values } = parseArgs({ args: [...args], options: names });
  const number = (name: keyof typeof names, byDefault: number, least: number) => {
    const value = values[name] === undefined ? byDefault : Number(values[name]);
    if (!(value >= least)) throw new Error(`--${name} must be a number from ${least}`);
    return value;
  };
  const { leak, faults, json } = values;
  if (leak !== undefined && !Object.hasOwn(leaks, leak)) throw new Error(`there is no leak ${leak}`);
  if (faults !== undefined && faults !== 'none') throw new Error('--faults can only be none');
  return {
    minutes: number('minutes', 30, 1.5),
    seed: number('seed', 1, 0),
    instances: number('instances', 2, 1),
    requests: number('requests', 150, 10),
    writes: number('writes', 10, 1),
    faults: faults === 'none' ? [] : Object.keys(faultKinds).filter((kind) => !endsProcess.test(kind)),
    leak,
    json,
  };
}
