import pg from 'pg';

export interface StatementCount {
  /** How often statements of this name, or of a name that begins so, have been sent. */
  of(name: string): number;
  reset(): void;
  stop(): void;
}

/** Counts the named statements that this process sends to Postgres, whoever sends them. */
export function countStatements(): StatementCount {
  const counts = new Map<string, number>();
  const original = pg.Client.prototype.query;
  pg.Client.prototype.query = function query(this: pg.Client, ...parameters: unknown[]) {
    const name = (parameters[0] as { name?: string } | undefined)?.name;
    if (name) counts.set(name, (counts.get(name) ?? 0) + 1);
    return Reflect.apply(original, this, parameters);
  } as typeof original;
  return {
    of: (name) => [...counts].reduce((sum, [key, count]) => (key.startsWith(name) ? sum + count : sum), 0),
    reset: () => counts.clear(),
    stop: () => {
      pg.Client.prototype.query = original;
    },
  };
}
