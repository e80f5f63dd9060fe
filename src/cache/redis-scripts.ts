/**
 * The scripts that Redis runs in one step. Each touches keys of one slot only, and each stores before it deletes: a full Redis refuses the
 * first write of a script and lets everything pass that follows one.
 */
export const scripts = {
  /**
   * Replaces a document whole, unless a newer version stands there.
   * KEYS entry; ARGV version, token, body, life in ms. Returns 1 stored, 0 refused.
   */
  ttPutDocument: {
    numberOfKeys: 1,
    lua: `
      local stands = tonumber(redis.call('HGET', KEYS[1], 'v') or '-1')
      if stands and stands > tonumber(ARGV[1]) then return 0 end
      redis.call('HSET', KEYS[1], 'v', ARGV[1], 't', ARGV[2], 'b', ARGV[3])
      redis.call('PEXPIRE', KEYS[1], ARGV[4])
      return 1`,
  },
  /**
   * The same by the holder of the fill lock: does nothing if the lock is lost, and gives the lock up if not, stored or refused.
   * KEYS entry, lock; ARGV lock token, version, token, body, life in ms. Returns 1 stored, 0 refused.
   */
  ttFillDocument: {
    numberOfKeys: 2,
    lua: `
      if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
      local stands = tonumber(redis.call('HGET', KEYS[1], 'v') or '-1')
      local result = 0
      if not stands or stands <= tonumber(ARGV[2]) then
        result = redis.pcall('HSET', KEYS[1], 'v', ARGV[2], 't', ARGV[3], 'b', ARGV[4])
        if type(result) == 'number' then result = redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
      end
      redis.call('DEL', KEYS[2])
      return result`,
  },
  /** KEYS entry, lock; ARGV lock token, text, life in ms. Returns 1 stored, 0 refused because the lock is lost. */
  ttFillText: {
    numberOfKeys: 2,
    lua: `
      if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
      local stored = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
      redis.call('DEL', KEYS[2])
      if stored.err then return stored end
      return 1`,
  },
  /** Gives a lock up if it is still ours. KEYS lock; ARGV lock token. */
  ttUnlock: {
    numberOfKeys: 1,
    lua: `
      if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
      return 0`,
  },
  /**
   * Raises generations. A field that is missing (a flushed Redis) begins at the start value, so that no generation ever comes back.
   * KEYS hash; ARGV start value, then by how much and which field, for each. Returns their numbers.
   */
  ttRaise: {
    numberOfKeys: 1,
    lua: `
      local numbers = {}
      for i = 2, #ARGV, 2 do
        redis.call('HSETNX', KEYS[1], ARGV[i + 1], ARGV[1])
        numbers[i / 2] = redis.call('HINCRBY', KEYS[1], ARGV[i + 1], ARGV[i])
      end
      return numbers`,
  },
} as const;
