import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { createHistograms, type Histograms } from './histograms.js';
import { type Metric, type Shortage, type Snapshot, metrics as table } from './metric-table.js';
import { createTally, type RouteTally } from './request-tally.js';

/** Everything this process tells Prometheus. */
export interface Metrics {
  histograms: Histograms;
  redisUnanswered(operation: string): void;
  statementFailed(statement: string): void;
  problem(code: string): void;
  /** A request was turned away so that others are answered. */
  shed(shortOf: Shortage): void;
  /** The tally of one method of one route pattern, the same for the same. */
  tally(method: string, route: string): RouteTally;
  /** In the text format of Prometheus. */
  render(): Promise<string>;
  contentType: string;
}

export type Reading = Omit<Snapshot, 'problems' | 'shed' | 'routes'>;

/** @param read what the rest of the service says of itself, asked once a scrape */
export function createMetrics(read: () => Promise<Reading>): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const histograms = createHistograms(registry);
  const redisUnanswered = new Counter({
    name: 'truetag_redis_calls_unanswered_total',
    help: 'Calls that went on without Redis: no answer in time, or none asked for because it is known to be away',
    labelNames: ['operation'],
    registers: [registry],
  });
  const statementFailed = new Counter({
    name: 'truetag_postgres_statements_failed_total',
    help: 'Statements that ended in an error, and connections that were not had',
    labelNames: ['statement'],
    registers: [registry],
  });
  const tallies = new Map<string, RouteTally>();
  // A series that begins with its first event has not risen by it, so those that an alert watches stand there before.
  const problems = new Map<string, number>([
    ['too_many_wrong_keys', 0],
    ['unauthorized', 0],
  ]);
  const shed: Record<Shortage, number> = { event_loop: 0, heap: 0, memory: 0, database: 0 };
  let now: Snapshot | undefined;
  for (const metric of table) register(registry, metric, () => now);

  return {
    histograms,
    redisUnanswered: (operation) => redisUnanswered.inc({ operation }),
    statementFailed: (statement) => statementFailed.inc({ statement }),
    problem: (code) => problems.set(code, (problems.get(code) ?? 0) + 1),
    shed(shortOf) {
      shed[shortOf] += 1;
    },
    tally(method, route) {
      const key = `${method} ${route}`;
      const tally = tallies.get(key) ?? createTally(method, route);
      tallies.set(key, tally);
      return tally;
    },
    async render() {
      now = { ...(await read()), problems, shed, routes: [...tallies.values()] };
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}

/** A metric that is set anew by every scrape. */
function register(registry: Registry, { name, type, help, labels = [], read }: Metric, snapshot: () => Snapshot | undefined): void {
  const values = () => {
    const now = snapshot();
    return (now ? read(now) : []).map((cells) => ({
      labels: Object.fromEntries(labels.map((label, i) => [label, String(cells[i])])),
      value: Number(cells.at(-1)),
    }));
  };
  const shared = { name, help, labelNames: [...labels], registers: [registry] };
  if (type === 'gauge') {
    new Gauge({
      ...shared,
      collect() {
        this.reset();
        // A gauge without labels that has nothing to tell would say 0 after a reset.
        if (labels.length === 0) this.remove();
        for (const { labels: given, value } of values()) this.set(given, value);
      },
    });
  } else {
    new Counter({
      ...shared,
      collect() {
        this.reset();
        for (const { labels: given, value } of values()) this.inc(given, value);
      },
    });
  }
}
