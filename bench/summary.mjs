import { candidates, scenarios } from './scenarios.mjs';

/** What the project promises of a product in memory. */
const targets = { ofBare: 0.75, ofLibrary: 1.2 };

/**
 * Medians over the rounds. Ratios are taken within each round and then their median, because a round that the machine had less time for was
 * slow for every candidate.
 */
export function summarise(measurements) {
  const tables = scenarios.map((scenario) => {
    const of = (name) => measurements.filter((m) => m.scenario === scenario.name && m.candidate === name).sort((a, b) => a.round - b.round);
    const rate = ({ requests, seconds }) => requests / seconds;
    const truetag = of('truetag');
    const bare = of('bare');
    const rows = candidates
      .filter(({ name }) => of(name).length > 0)
      .map(({ name, title, isLibrary = false }) => {
        const rounds = of(name);
        return {
          name,
          title,
          isLibrary,
          perSecond: median(rounds.map(rate)),
          p50Ms: median(rounds.map(({ p50Ms }) => p50Ms)),
          p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
          cpuUs: median(rounds.map(({ cpuMs, requests }) => (1000 * cpuMs) / requests)),
          ofBare: median(rounds.map((round, i) => rate(round) / rate(bare[i]))),
          truetagOfThis: median(rounds.map((round, i) => rate(truetag[i]) / rate(round))),
          requests: rounds.reduce((sum, { requests }) => sum + requests, 0),
          failures: rounds.reduce((sum, { failures }) => sum + failures, 0),
          generatorBusy: Math.max(...rounds.map(({ generatorBusy }) => generatorBusy)),
        };
      });
    return { name: scenario.name, title: scenario.title, note: scenario.note, rows };
  });
  return { tables, verdicts: verdictsOf(tables[0]), faults: [...new Set(measurements.flatMap(({ faults }) => faults))] };
}

function verdictsOf({ title, rows }) {
  const { ofBare } = rows.find(({ name }) => name === 'truetag');
  const libraries = rows.filter(({ isLibrary }) => isLibrary);
  const better = libraries.reduce((best, row) => (row.truetagOfThis < best.truetagOfThis ? row : best));
  return [
    { claim: `${title}: at least ${targets.ofBare} of bare node:http`, ratio: ofBare, isMet: ofBare >= targets.ofBare },
    {
      claim: `${title}: at least ${targets.ofLibrary} times ${better.title}, the better library`,
      ratio: better.truetagOfThis,
      isMet: better.truetagOfThis >= targets.ofLibrary,
    },
  ];
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
