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
 * `npm run bench:sight [-- --quick]`: what metrics and traces cost a hit. The same build with neither, with metrics that are scraped once a round, and
 * with traces on top, in turns within one run; ratios are medians of the ratios within the rounds. `again` has neither too: how far it is from 1
 * is how far the others may be by chance.
 */
const { values: flags } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const plan = flags.quick ? { rounds: 3, roundMs: 300, warmUpMs: 500 } : { rounds: 16, roundMs: 1100, warmUpMs: 2500 };
const connections = 64;
const pauseMs = 80;
const target = 0.95;
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
    { name: 'again', title: 'neither, once more', env: {} },
    { name: 'metrics', title: 'metrics, scraped once a round', isWatched: true, env: {} },
    {
      name: 'traces',
      title: `metrics and traces of ${100 * ratio} % of the requests`,
      isWatched: true,
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_TRACES_SAMPLER_ARG: String(ratio) },
    },
  ];
  for (const candidate of candidates) {
    const metricsPort = candidate.isWatched ? await freePort() : undefined;
    const env = { LOG_LEVEL: 'silent', ...candidate.env, ...(metricsPort && { METRICS_PORT: String(metricsPort) }) };
    const server = await rig.serve('dist/server.js', '/health/ready', env);
    // As in a shop, something else than a hit has been traced before.
    await fetch(`${server.url}/v1/categories`, { headers: { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` } });
    Object.assign(candidate, { metricsPort, server });
  }
  const tables = [];
  for (const scenario of scenarios) tables.push({ scenario, rows: await measure(scenario, candidates) });
  markdown = toMarkdown(tables);
  isMet = tables[0].rows.every(({ ofOff }) => ofOff >= target);
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

async function measure({ title, path, expected }, candidates) {
  const rounds = new Map(candidates.map(({ name }) => [name, []]));
  for (let round = 0; round <= plan.rounds; round += 1) {
    process.stderr.write(`${title}: ${round === 0 ? 'warming up' : `round ${round} of ${plan.rounds}`}\n`);
    for (const { name, server, metricsPort } of candidates.map((_, i) => candidates[(i + round) % candidates.length])) {
      const job = {
        port: server.port,
        pid: server.pid,
        paths: [path],
        connections,
        ms: round === 0 ? plan.warmUpMs : plan.roundMs,
        warmUpMs: pauseMs,
      };
      const running = load.run(job);
      // In the middle of the round, as a scrape is in the middle of the traffic.
      const scraped = metricsPort && scrapeAfter((pauseMs + job.ms) / 2, metricsPort);
      const result = await running;
      await scraped;
      const hits = Object.entries(result.outcomes).reduce((sum, [outcome, count]) => (expected.test(outcome) ? sum + count : sum), 0);
      if (result.failures > 0 || hits < 0.99 * result.requests)
        throw new Error(`${name}, ${title}: ${JSON.stringify(result.outcomes)}, ${result.failures} failed`);
      if (round > 0) rounds.get(name).push(result);
    }
  }
  const rate = ({ requests, seconds }) => requests / seconds;
  const cpu = ({ cpuMs, requests }) => (1000 * cpuMs) / requests;
  const off = rounds.get('off');
  return candidates.map(({ name, title: row }) => {
    const own = rounds.get(name);
    return {
      row,
      perSecond: median(own.map(rate)),
      p99Ms: median(own.map(({ p99Ms }) => p99Ms)),
      cpuUs: median(own.map(cpu)),
      ofOff: median(own.map((round, i) => rate(round) / rate(off[i]))),
      cpuOfOff: median(own.map((round, i) => cpu(round) / cpu(off[i]))),
    };
  });
}

async function scrapeAfter(ms, port) {
  await new Promise((resolve) => setTimeout(resolve, ms));
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  if (!answer.ok || !(await answer.text()).includes('truetag_ready')) throw new Error(`the metrics answered ${answer.status}`);
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
    `Node ${process.version}, ${availableParallelism()} cores. The same build in a process each, ${connections} keep-alive connections on loopback, the generator in a process of its own${pinned}. ${plan.rounds} rounds of ${plan.roundMs} ms with the candidates in turn; figures are medians over the rounds, ratios medians of the ratios within each round. How far the second row is from 1 is what chance does here.\n`,
    ...(flags.quick ? ['A quick run: it shows that the bench works, and its figures are not to be quoted.\n'] : []),
    ...tables.map(({ scenario, rows }) =>
      [
        `## ${scenario.title}\n`,
        '| | req/s | p99 ms | CPU µs/req | rate, of neither | CPU, of neither |',
        '| --- | ---: | ---: | ---: | ---: | ---: |',
        ...rows.map(
          ({ row, perSecond, p99Ms, cpuUs, ofOff, cpuOfOff }) =>
            `| ${row} | ${Math.round(perSecond)} | ${p99Ms.toFixed(2)} | ${cpuUs.toFixed(1)} | ${ofOff.toFixed(3)} | ${cpuOfOff.toFixed(3)} |`,
        ),
        '',
      ].join('\n'),
    ),
    `Target: a product hit keeps at least ${target} of its rate: ${tables[0].rows.every(({ ofOff }) => ofOff >= target) ? 'met' : '**missed**'}.`,
    '',
  ].join('\n');
}
