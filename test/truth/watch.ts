import { setTimeout as sleep } from 'node:timers/promises';
import { scrape } from '../sight/scrape.js';

/** What is watched: an instance that has its metrics on, on a port of its own. */
export interface Watched {
  readonly name: string;
  readonly metricsPort: number | null;
  isUp(): boolean;
  wasLive(begin: number, end: number): boolean;
}

export interface Watch {
  /** How many series each told of last, by name: a label without a bound shows here before it does in the memory. */
  series(): ReadonlyMap<string, number>;
  /** Scrapes that were answered. */
  answered(): number;
  /** What an operator would have been woken up for, one line each; empty where there was nothing. */
  findings(): string[];
  stop(): Promise<void>;
}

/** Scrapes the instances that have their metrics on, as Prometheus does, every `everyMs`. One that is down or stopped meanwhile owes no answer. */
export function startWatch(slots: readonly Watched[], everyMs: number): Watch {
  const watched = slots.filter(({ metricsPort }) => metricsPort !== null);
  const series = new Map<string, number>();
  const findings: string[] = [];
  let answered = 0;
  let isOver = false;

  async function look(slot: Watched): Promise<void> {
    const began = performance.now();
    try {
      const { samples, value } = await scrape(`http://127.0.0.1:${slot.metricsPort}/metrics`);
      answered += 1;
      series.set(slot.name, samples.length);
      const stale = value('price_stale_reads_total');
      if (stale !== 0) findings.push(`${slot.name} tells of ${stale} stale reads`);
    } catch (error) {
      if (slot.wasLive(began, performance.now()))
        findings.push(`the metrics of ${slot.name} were not told: ${error instanceof Error ? error.message : error}`);
    }
  }

  async function watching(): Promise<void> {
    for (let at = performance.now(); !isOver; at += everyMs) {
      while (performance.now() < at && !isOver) await sleep(50);
      await Promise.all(watched.filter((slot) => slot.isUp()).map(look));
    }
  }

  const work = watching();
  return {
    series: () => series,
    answered: () => answered,
    findings: () => [
      ...new Set(findings),
      ...watched.filter(({ name }) => !series.has(name)).map(({ name }) => `the metrics of ${name} were never told`),
    ],
    async stop() {
      isOver = true;
      await work;
    },
  };
}
