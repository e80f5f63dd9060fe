import { parseArgs } from 'node:util';

export interface Options {
  requests: number;
  seed: number;
  connections: number;
}

export const usage = `npm run fuzz -- --requests N --seed S
  --connections N     requests under way at once, 8 unless told`;

/** @throws Error with one line where an argument cannot be used */
export function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ args: [...args], options: { requests: text, seed: text, connections: text } });
  const whole = (name: keyof Options, byDefault: number, least: number, most: number) => {
    const value = values[name] === undefined ? byDefault : Number(values[name]);
    if (!Number.isInteger(value) || value < least || value > most) throw new Error(`--${name} must be a whole number from ${least} to ${most}`);
    return value;
  };
  return {
    requests: whole('requests', 5_000, 1, 100_000_000),
    seed: whole('seed', 1, 0, 1_000_000),
    connections: whole('connections', 8, 1, 100),
  };
}
