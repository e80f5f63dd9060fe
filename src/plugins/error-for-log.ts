import { pino } from 'pino';

/** What else hangs on an error may hold a secret: ioredis attaches the command that failed, which is AUTH with the password where that is wrong. */
const shown = new Set(['type', 'message', 'stack', 'code', 'severity', 'constraint', 'table', 'aggregateErrors']);

/** An error as the log takes it. */
export function errorForLog(error: Error): Record<string, unknown> {
  const all: [string, unknown][] = Object.entries(pino.stdSerializers.err(error));
  return Object.fromEntries(all.filter(([name]) => shown.has(name)));
}
