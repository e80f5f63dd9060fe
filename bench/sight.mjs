import { randomBytes } from 'node:crypto';
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
 * with traces on top.
 *
 * One and the same build comes in several kinds of process: V8 compiles what it happens to see first, memory lies where it happens to lie, and some
 * processes are a fifth slower than others for as long as they live. So each way is started many times. One process of each way makes a group, whose
 * members are loaded in turns, and what is told is the median of the ratios within the groups. One way stands there twice, which shows what the
 * method makes of no difference at all. Figures of one process are sums over its rounds, and not medians, which would pass over the rounds with a scrape.
 */
const { values: flags } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const plan = flags.quick ? { groups: 2, rounds: 2, roundMs: 300, warmUpMs: 500 } : { groups: 12, rounds: 5, roundMs: 400, warmUpMs: 1500 };
/** In rounds: a scrape every 2 s of traffic. The local stack scrapes every five, most shops every fifteen or thirty. */
const scrapeEvery = 5;
const connections = 64;
const pauseMs = 60;
/** Requests whose caller traces them, before each scenario. */
const askedFor = 20;
/** Of the processor time of a hit: the rate also tells what else the machine had to do. */
const target = 1.05;
const ratio = 0.001;
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
  const traces = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_TRACES_SAMPLER_ARG: String(ratio) };
  const ways = [
    { title: 'neither', env: {} },
    { title: 'neither, another process', env: {} },
    { title: 'metrics', isWatched: true, isJudged: true, env: {} },
    { title: `metrics and traces of ${100 * ratio} % of the requests`, isWatched: true, isJudged: true, env: traces },
  ];
  const groups = [];
  for (let i = 0; i < plan.groups; i += 1) {
    process.stderr.write(`group ${i + 1} of ${plan.groups}\n`);
    groups.push(await measureGroup(inTurn(ways, i)));
  }
  const tables = scenarios.map((scenario) => ({ scenario, rows: ways.map((way) => summary(way, scenario, groups, ways[0])) }));
  isMet = tables[0].rows.every(({ isJudged, cpuOfOff }) => !isJudged || quantile(cpuOfOff, 0.5) <= target);
  const asked = askedFor * scenarios.length * plan.groups;
  if (collector.spans() <= asked) throw new Error(`the collector was sent ${collector.spans()} spans, and ${asked} were asked for: none was drawn`);
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

/** One process of each way: what came of each scenario, by way. */
async function measureGroup(ways) {
  const servers = [];
  for (const way of ways) {
    const metricsPort = way.isWatched ? await freePort() : undefined;
    const settings = { LOG_LEVEL: 'silent', ...way.env, ...(metricsPort && { METRICS_PORT: String(metricsPort) }) };
    const server = await rig.serve('dist/server.js', '/health/ready', settings);
    servers.push({ way, metricsPort, ...server, results: new Map(scenarios.map((scenario) => [scenario, []])) });
  }
  for (const scenario of scenarios) {
    for (let round = 0; round <= plan.rounds; round += 1) {
      for (const server of inTurn(servers, round)) {
        const result = await loadOnce(server, scenario, round);
        if (round > 0) server.results.get(scenario).push(result);
      }
    }
  }
  for (const { stop } of servers) stop();
  return new Map(servers.map(({ way, results }) => [way, results]));
}

async function loadOnce({ way, port, pid, metricsPort }, { title, path, expected }, round) {
  const job = { port, pid, paths: [path], connections, ms: round === 0 ? plan.warmUpMs : plan.roundMs, warmUpMs: pauseMs };
  const running = load.run(job);
  // In the middle of the round, as a scrape is in the middle of the traffic.
  const isScraped = metricsPort !== undefined && round > 0 && round % scrapeEvery === 0;
  const scraped = isScraped && scrapeAfter((pauseMs + job.ms) / 2, metricsPort);
  const lived = round === 0 && live(port, metricsPort);
  const result = await running;
  await Promise.all([scraped, lived]);
  const hits = Object.entries(result.outcomes).reduce((sum, [outcome, count]) => (expected.test(outcome) ? sum + count : sum), 0);
  if (result.failures > 0 || hits < 0.99 * result.requests)
    throw new Error(`${way.title}, ${title}: ${JSON.stringify(result.outcomes)}, ${result.failures} failed`);
  return result;
}

/** What came of one way, over all groups. */
function summary(way, scenario, groups, off) {
  const sum = (results, of) => results.reduce((total, result) => total + of(result), 0);
  const perSecond = (results) => sum(results, ({ requests }) => requests) / sum(results, ({ seconds }) => seconds);
  const cpuUs = (results) => (1000 * sum(results, ({ cpuMs }) => cpuMs)) / sum(results, ({ requests }) => requests);
  const of = (figure) => groups.map((group) => figure(group.get(way).get(scenario)));
  const ofOff = (figure) => groups.map((group) => figure(group.get(way).get(scenario)) / figure(group.get(off).get(scenario)));
  return {
    ...way,
    perSecond: median(of(perSecond)),
    p99Ms: median(
      groups.flatMap((group) =>
        group
          .get(way)
          .get(scenario)
          .map(({ p99Ms }) => p99Ms),
      ),
    ),
    cpuUs: median(of(cpuUs)),
    rateOfOff: ofOff(perSecond),
    cpuOfOff: ofOff(cpuUs),
  };
}

function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return part === 0.5 ? median(sorted) : sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}

/** What a process has seen before long: scrapes, and callers who trace the product that they ask for. The first of each cost many times the next. */
async function live(port, metricsPort) {
  for (let i = 0; i < askedFor; i += 1) {
    const headers = { traceparent: `00-${randomBytes(16).toString('hex')}-${'b'.repeat(16)}-01` };
    await (await fetch(`http://127.0.0.1:${port}${scenarios[0].path}`, { headers })).text();
    if (metricsPort !== undefined) await scrapeAfter(plan.warmUpMs / 40, metricsPort);
  }
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
  let spans = 0;
  const server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString());
      spans += resourceSpans.flatMap(({ scopeSpans }) => scopeSpans).reduce((sum, scope) => sum + scope.spans.length, 0);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${server.address().port}`,
    spans: () => spans,
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
    `Node ${process.version}, ${availableParallelism()} cores. The same build, ${plan.groups} groups of one process each way, ${connections} keep-alive connections on loopback, the generator in a process of its own${pinned}. ${plan.rounds} rounds of ${plan.roundMs} ms for each process, in turns with the others of its group. Medians over the groups; ratios are those within a group, with their quartiles. Metrics are scraped every ${(scrapeEvery * plan.roundMs) / 1000} s of traffic.\n`,
    ...(flags.quick ? ['A quick run: it shows that the bench works, and its figures are not to be quoted.\n'] : []),
    ...tables.map(({ scenario, rows }) =>
      [
        `## ${scenario.title}\n`,
        '| | req/s | p99 ms | CPU µs/req | rate, of neither | CPU, of neither | quartiles |',
        '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
        ...rows.map(
          ({ title, perSecond, p99Ms, cpuUs, rateOfOff, cpuOfOff }) =>
            `| ${title} | ${Math.round(perSecond)} | ${p99Ms.toFixed(2)} | ${cpuUs.toFixed(1)} | ${quantile(rateOfOff, 0.5).toFixed(3)} | ${quantile(cpuOfOff, 0.5).toFixed(3)} | ${quantile(cpuOfOff, 0.25).toFixed(3)} to ${quantile(cpuOfOff, 0.75).toFixed(3)} |`,
        ),
        '',
      ].join('\n'),
    ),
    `The lot falls on one request in ${1 / ratio}, and an instance traces ten of those a second at most: the collector was sent ${collector.spans()} spans, ${askedFor * scenarios.length * plan.groups} of which were asked for before the rounds.\n`,
    `Target: a product hit takes at most ${target} times the processor time: ${isMet ? 'met' : '**missed**'}.`,
    '',
  ].join('\n');
}
