import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cores } from './cores.mjs';
import { startLoad } from './generator.mjs';
import { buildTruetag } from './prepare.mjs';
import { openRig, root } from './rig.mjs';
import { median } from './summary.mjs';

/**
 * `npm run bench:sight [-- --quick]`: what metrics and traces cost a hit. The same build with neither, with metrics that are scraped now and then, and
 * with traces on top, in turns within one run.
 *
 * One and the same build comes in two kinds of process: V8 compiles what it happens to see first, and in some processes `nextTick`, say, costs a hit 4 µs
 * more for as long as they live, a fifth of all it takes. So each way has several processes, and the quickest of each are compared. What is told of
 * one is the sum over all rounds, and not a median, which would pass over the rounds with a scrape.
 */
const { values: flags } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const plan = flags.quick ? { rounds: 3, roundMs: 300, warmUpMs: 500 } : { rounds: 10, roundMs: 700, warmUpMs: 1500 };
const processes = 4;
/** In rounds: a scrape every 3.5 s of traffic. The local stack scrapes every five, most shops every fifteen or thirty. */
const scrapeEvery = 5;
const connections = 64;
const pauseMs = 80;
/** Of the processor time of a hit: the rate also tells what else the machine had to do. */
const target = 1.05;
const ratio = 0.01;
const scenarios = [
  { title: 'A product in memory, answered before the router', path: '/v1/products/walnut-desk-lamp', expected: /detail=memory/ },
  { title: 'A listing of 24 in memory', path: '/v1/products', expected: /detail=(memory|stale)/ },
];

buildTruetag();
const { freePort } = await import('../src/db/free-port.ts');
const collector = await startCollector();
const rig = await openRig();
const load = startLoad();
let markdown = '';
let isMet = true;
try {
  await rig.fillCatalog(0);
  const candidates = [
    { name: 'off', title: 'neither', env: {} },
    { name: 'metrics', title: 'metrics', isWatched: true, env: {} },
    {
      name: 'traces',
      title: `metrics and traces of ${100 * ratio} % of the requests, 50 a second at most`,
      isWatched: true,
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_TRACES_SAMPLER_ARG: String(ratio) },
    },
  ];
  const servers = [];
  for (let i = 0; i < processes; i += 1) {
    for (const { name, isWatched, env } of candidates) {
      const metricsPort = isWatched ? await freePort() : undefined;
      const server = await rig.serve('dist/server.js', '/health/ready', {
        LOG_LEVEL: 'silent',
        ...env,
        ...(metricsPort && { METRICS_PORT: String(metricsPort) }),
      });
      // As in a shop, something else than a hit has been traced before.
      await fetch(`${server.url}/v1/categories`, { headers: { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` } });
      servers.push({ name, metricsPort, ...server });
    }
  }
  const tables = [];
  for (const scenario of scenarios) tables.push({ scenario, rows: await measure(scenario, candidates, servers) });
  isMet = tables[0].rows.every(({ cpuOfOff }) => cpuOfOff <= target);
  markdown = toMarkdown(tables);
} finally {
  load.end();
  await rig.close();
  collector.close();
}
if (!flags.quick) {
  mkdirSync(join(root, 'bench/results'), { recursive: true });
  writeFileSync(join(root, 'bench/results/sight.md'), markdown);
}
process.stdout.write(markdown);
process.exit(isMet || flags.quick ? 0 : 1);

async function measure({ title, path, expected }, candidates, servers) {
  const measured = new Map(servers.map((server) => [server, []]));
  for (let round = 0; round <= plan.rounds; round += 1) {
    process.stderr.write(`${title}: ${round === 0 ? 'warming up' : `round ${round} of ${plan.rounds}`}\n`);
    for (const server of inTurn(servers, round)) {
      const { name, port, pid, metricsPort } = server;
      const job = { port, pid, paths: [path], connections, ms: round === 0 ? plan.warmUpMs : plan.roundMs, warmUpMs: pauseMs };
      const running = load.run(job);
      // In the middle of the round, as a scrape is in the middle of the traffic.
      const isScraped = metricsPort !== undefined && round % scrapeEvery === 0;
      const scraped = isScraped && scrapeAfter((pauseMs + job.ms) / 2, metricsPort);
      const result = await running;
      await scraped;
      const hits = Object.entries(result.outcomes).reduce((sum, [outcome, count]) => (expected.test(outcome) ? sum + count : sum), 0);
      if (result.failures > 0 || hits < 0.99 * result.requests)
        throw new Error(`${name}, ${title}: ${JSON.stringify(result.outcomes)}, ${result.failures} failed`);
      if (round > 0) measured.get(server).push(result);
    }
  }
  const all = servers.map((server) => ({ name: server.name, ...summary(measured.get(server)) }));
  const quickest = (name) => all.filter((one) => one.name === name).reduce((best, one) => (one.cpuUs < best.cpuUs ? one : best));
  const off = quickest('off');
  return candidates.map(({ name, title: row }) => {
    const best = quickest(name);
    const each = all.filter((one) => one.name === name).map(({ cpuUs }) => cpuUs);
    return { row, ...best, each, ofOff: best.perSecond / off.perSecond, cpuOfOff: best.cpuUs / off.cpuUs };
  });
}

function summary(results) {
  const sum = (of) => results.reduce((total, result) => total + of(result), 0);
  const requests = sum((result) => result.requests);
  return {
    perSecond: requests / sum(({ seconds }) => seconds),
    p99Ms: median(results.map(({ p99Ms }) => p99Ms)),
    cpuUs: (1000 * sum(({ cpuMs }) => cpuMs)) / requests,
  };
}

async function scrapeAfter(ms, port) {
  await new Promise((resolve) => setTimeout(resolve, ms));
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  if (!answer.ok || !(await answer.text()).includes('truetag_ready')) throw new Error(`the metrics answered ${answer.status}`);
}

/** Forwards and backwards, each time from another on: nobody always comes after the same. */
function inTurn(servers, round) {
  const turned = servers.map((_, i) => servers[(i + round) % servers.length]);
  return round % 2 === 0 ? turned : turned.reverse();
}

/** Takes whatever it is sent. */
async function startCollector() {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function toMarkdown(tables) {
  const pinned = cores === undefined ? '' : ', each on one core';
  return [
    '# What metrics and traces cost a hit\n',
    `Node ${process.version}, ${availableParallelism()} cores. The same build, ${processes} processes each way, ${connections} keep-alive connections on loopback, the generator in a process of its own${pinned}. ${plan.rounds} rounds of ${plan.roundMs} ms with the processes in turn; figures are sums over the rounds (p99: the median), those of the quickest process of each way: see the source for why. Metrics are scraped every ${(scrapeEvery * plan.roundMs) / 1000} s of traffic.\n`,
    ...(flags.quick ? ['A quick run: it shows that the bench works, and its figures are not to be quoted.\n'] : []),
    ...tables.map(({ scenario, rows }) =>
      [
        `## ${scenario.title}\n`,
        '| | req/s | p99 ms | CPU µs/req | rate, of neither | CPU, of neither | CPU µs/req of each process |',
        '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
        ...rows.map(
          ({ row, perSecond, p99Ms, cpuUs, ofOff, cpuOfOff, each }) =>
            `| ${row} | ${Math.round(perSecond)} | ${p99Ms.toFixed(2)} | ${cpuUs.toFixed(1)} | ${ofOff.toFixed(3)} | ${cpuOfOff.toFixed(3)} | ${each.map((us) => us.toFixed(1)).join(', ')} |`,
        ),
        '',
      ].join('\n'),
    ),
    `Target: a product hit takes at most ${target} times the processor time: ${isMet ? 'met' : '**missed**'}.`,
    '',
  ].join('\n');
}
