import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLoad } from './generator.mjs';
import { listSlugs, record } from './record.mjs';
import { openRig } from './rig.mjs';
import { candidates, expectedOutcome, scenarios } from './scenarios.mjs';

const demoProducts = 40;

/**
 * Runs every scenario against every candidate, a round at a time and the candidates in turn within it, each round beginning with the next, so
 * that whatever else the machine does falls on all of them alike. A round before the first warms the code up and does not count. Counted
 * scenarios, which use products up, come every `coldEvery` rounds.
 *
 * @returns one object per measurement: scenario, candidate, round, what the generator measured, and `faults` in words
 */
export async function measureAll(plan, log) {
  log('starting Postgres and Redis, importing the catalog');
  const rig = await openRig();
  const load = startLoad();
  try {
    const { slugs } = await rig.fillCatalog(plan.cold * (Math.floor(plan.rounds / plan.coldEvery) + 1));
    const { servers, paths } = await startServers(rig, slugs, plan);
    await compareBytes(servers, [...paths.demoPaths.slice(0, 2), '/v1/products']);
    const measurements = [];
    for (let round = 0; round <= plan.rounds; round += 1) {
      log(round === 0 ? 'warming up' : `round ${round} of ${plan.rounds}`);
      for (const scenario of scenarios) {
        if (!scenario.isTimed && round % plan.coldEvery !== 0) continue;
        for (const candidate of rotated(candidates, round)) {
          if (candidate.only && !candidate.only.includes(scenario.name)) continue;
          const server = servers.get(`${candidate.name}/${scenario.role}`);
          const job = { port: server.port, pid: server.pid, paths: scenario.paths(paths, round / plan.coldEvery), connections: plan.connections };
          if (scenario.isTimed) Object.assign(job, { ms: round === 0 ? plan.warmUpMs : plan.roundMs, warmUpMs: plan.pauseMs });
          const loadsBefore = await loadsOf(candidate, server);
          const result = await load.run(job);
          const loads = (await loadsOf(candidate, server)) - loadsBefore;
          if (round > 0)
            measurements.push({
              scenario: scenario.name,
              candidate: candidate.name,
              round,
              ...result,
              faults: faultsOf(scenario, candidate, result, loads),
            });
        }
      }
    }
    return measurements;
  } finally {
    load.end();
    await rig.close();
  }
}

const rotated = (list, by) => list.map((_, i) => list[(i + by) % list.length]);

async function startServers(rig, slugs, plan) {
  const recording = join(rig.folder, 'recording.ndjson');
  const source = await rig.serve('dist/server.js', '/health/ready', { LOG_LEVEL: 'silent', REDIS_URL: '' });
  const demoPaths = (await listSlugs(source.url, demoProducts)).map((slug) => `/v1/products/${slug}`);
  await record(source.url, recording, { paths: ['/v1/products', ...demoPaths], slugs });
  const servers = new Map();
  for (const candidate of candidates) {
    const start = () => rig.serve(candidate.script, candidate.readyPath, { ...candidate.env, RECORDING: recording });
    const near = await start();
    for (const role of ['near', 'cold', 'far']) {
      const isShared = role === 'near' || candidate.name === 'bare' || candidate.only;
      servers.set(`${candidate.name}/${role}`, isShared ? near : await start());
    }
  }
  const slice = (round) => slugs.slice(round * plan.cold, (round + 1) * plan.cold).map((slug) => `/v1/products/${slug}`);
  await sleep(500);
  return { servers, paths: { demoPaths, slice } };
}

/**
 * All candidates must send the same answer, or the comparison would be of different work: the same body and the same headers, of which only the
 * date, the request id and how a cache came by the answer may differ in their values. The second answer counts, because the first of a
 * candidate may be its first load.
 */
async function compareBytes(servers, paths) {
  for (const path of paths) {
    const answers = new Map();
    for (const [name, { url }] of servers) {
      await (await fetch(`${url}${path}`)).arrayBuffer();
      const response = await fetch(`${url}${path}`);
      const headers = [...response.headers].map(([header, value]) => (differing.includes(header) ? header : `${header}: ${value}`));
      answers.set(name, [response.status, ...headers.sort(), await response.text()].join('\n'));
    }
    const [first] = answers.values();
    for (const [name, answer] of answers)
      if (answer !== first) throw new Error(`${name} answers ${path} with other bytes than Truetag:\n${answer}\n${first}`);
  }
}

const differing = ['date', 'x-request-id', 'cache-status'];

/** How often a library's loader ran. Truetag tells the same by Cache-Status. */
async function loadsOf(candidate, { url }) {
  return candidate.isLibrary ? (await (await fetch(`${url}/loads`)).json()).loads : 0;
}

function faultsOf(scenario, candidate, { requests, failures, outcomes }, loads) {
  const faults = [];
  const where = `${candidate.title}, ${scenario.title}`;
  if (failures > 0) faults.push(`${where}: ${failures} of ${requests} answers were not 2xx`);
  if (candidate.isLibrary && loads !== (scenario.name === 'miss' ? requests : 0)) faults.push(`${where}: ${loads} loads for ${requests} requests`);
  if (candidate.name === 'truetag') {
    const expected = Object.entries(outcomes).filter(([outcome]) => expectedOutcome[scenario.name].test(outcome));
    const share = expected.reduce((sum, [, count]) => sum + count, 0) / requests;
    if (share < 0.99) faults.push(`${where}: only ${(100 * share).toFixed(1)} % of the answers were of that kind: ${JSON.stringify(outcomes)}`);
  }
  return faults;
}
