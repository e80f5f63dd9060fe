import { candidates, scenarios } from './scenarios.mjs';

/** What the project promises of a product in memory. */
const targets = { ofBare: 0.75, ofLibrary: 1.2, ofUnprotected: 0.95, validated: 0.35 };
/** Beyond this the generator, and not the server, may be what a rate tells of. */
const busyGenerator = 0.9;

/**
 * Medians over the rounds. Ratios are taken within each round and then their median, because a round that the machine had less time for was
 * slow for every candidate.
 */
export function summarise(measurements) {
  const tables = scenarios.map((scenario) => {
    const of = (name) => measurements.filter((m) => m.scenario === scenario.name && m.candidate === name).sort((a, b) => a.round - b.round);
    const rate = ({ requests, seconds }) => requests / seconds;
    const cpu = ({ cpuMs, requests }) => (1000 * cpuMs) / requests;
    const truetag = of('truetag');
    const bare = of('bare');
    const rows = candidates
      .filter(({ name }) => of(name).length > 0)
      .map(({ name, title, isLibrary = false, isChecking = false }) => {
        const rounds = of(name);
        return {
          name,
          title,
          isLibrary,
          isChecking,
          perSecond: median(rounds.map(rate)),
          p50Ms: median(rounds.map(({ p50Ms }) => p50Ms)),
          p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
          cpuUs: median(rounds.map(cpu)),
          ofBare: median(rounds.map((round, i) => rate(round) / rate(bare[i]))),
          truetagOfThis: median(rounds.map((round, i) => rate(truetag[i]) / rate(round))),
          cpuOfTruetag: median(rounds.map((round, i) => cpu(round) / cpu(truetag[i]))),
          requests: rounds.reduce((sum, { requests }) => sum + requests, 0),
          failures: rounds.reduce((sum, { failures }) => sum + failures, 0),
          generatorBusy: median(rounds.map(({ generatorBusy }) => generatorBusy)),
        };
      });
    return { name: scenario.name, title: scenario.title, note: scenario.note, rows };
  });
  return {
    tables,
    verdicts: [...verdictsOf(tables[0]), ...protocolVerdicts(measurements)],
    cautions: cautionsOf(tables),
    faults: [...new Set(measurements.flatMap(({ faults }) => faults))],
  };
}

function verdictsOf({ title, rows }) {
  const { ofBare } = rows.find(({ name }) => name === 'truetag');
  const betterOf = (list) => list.reduce((best, row) => (row.truetagOfThis < best.truetagOfThis ? row : best));
  const better = betterOf(rows.filter((row) => row.isLibrary && !row.isChecking));
  const checking = betterOf(rows.filter((row) => row.isChecking));
  return [
    { claim: `${title}: at least ${targets.ofBare} of bare node:http`, ratio: ofBare, isMet: ofBare >= targets.ofBare },
    {
      claim: `${title}: at least ${targets.ofLibrary} times ${better.title}, the better library`,
      ratio: better.truetagOfThis,
      isMet: better.truetagOfThis >= targets.ofLibrary,
    },
    { claim: `${title}: beside ${checking.title}, which does what Truetag does for a request`, ratio: checking.truetagOfThis },
  ];
}

/** What the price protocol costs a hit: against the same bundle without it. */
function protocolVerdicts(measurements) {
  const rates = (name) =>
    measurements
      .filter((m) => m.scenario === 'hot' && m.candidate === name)
      .sort((a, b) => a.round - b.round)
      .map(({ requests, seconds }) => requests / seconds);
  const off = rates('truetag-off');
  const verdict = (claim, name, target) => {
    const ratio = median(rates(name).map((rate, i) => rate / off[i]));
    return { claim: `${claim}: at least ${target} of the protocol switched off`, ratio, isMet: ratio >= target };
  };
  return [
    verdict('A hit under the lease', 'truetag-on', targets.ofUnprotected),
    verdict('PRICE_READS=validate', 'truetag-validate', targets.validated),
  ];
}

function cautionsOf(tables) {
  return tables.flatMap(({ title, rows }) =>
    rows
      .filter(({ generatorBusy }) => generatorBusy > busyGenerator)
      .map(
        (row) => `${title}, ${row.title}: the generator was busy ${Math.round(100 * row.generatorBusy)} % of the time, so the rate may be its own.`,
      ),
  );
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
