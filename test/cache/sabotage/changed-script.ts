import type { Redis } from 'ioredis';
import type { scripts } from '../../../src/cache/redis-scripts.js';

/** A client whose script `name` runs with one piece of its text replaced. */
export function withScript(redis: Redis, name: keyof typeof scripts, from: string, to: string): Redis {
  const define = redis.defineCommand.bind(redis);
  redis.defineCommand = (script, definition) => {
    if (script !== name) return define(script, definition);
    const pieces = definition.lua.split(from);
    if (pieces.length !== 2) throw new Error(`there is nothing to sabotage: ${name} does not say once: ${from}`);
    define(script, { ...definition, lua: pieces.join(to) });
  };
  return redis;
}
