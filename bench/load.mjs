import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { openConnections } from './http-client.mjs';

/**
 * The load generator, a process of its own: takes one job at a time over IPC and answers with what it measured. Ends with its parent.
 *
 * A job has `port`, `pid` of the server, `paths` and `connections`, and either `ms` (the paths in turn for that long, after `warmUpMs` that do
 * not count) or neither (each path exactly once).
 */
process.on('message', async (job) => {
  try {
    process.send({ result: await run(job) });
  } catch (error) {
    process.send({ error: error instanceof Error ? error.message : String(error) });
  }
});
process.on('disconnect', () => process.exit(0));

async function run({ port, pid, paths, connections, ms, warmUpMs = 0 }) {
  const requests = paths.map((path) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`));
  const open = await openConnections(port, connections);
  try {
    if (warmUpMs > 0) await drive(open, requests, warmUpMs);
    const cpuBefore = cpuMsOf(pid);
    const idleBefore = performance.eventLoopUtilization();
    const measured = await drive(open, requests, ms);
    const cpuMs = cpuMsOf(pid) - cpuBefore;
    return { ...measured, cpuMs, generatorBusy: performance.eventLoopUtilization(idleBefore).utilization };
  } finally {
    for (const connection of open) connection.close();
  }
}

/** Every connection sends its next request as soon as it has the answer to the last: a closed loop without pipelining. */
async function drive(connections, requests, ms) {
  const latencies = [];
  const outcomes = {};
  let failures = 0;
  let next = 0;
  let endedAt = 0;
  const startedAt = performance.now();
  const until = ms === undefined ? Number.POSITIVE_INFINITY : startedAt + ms;

  function take() {
    if (ms === undefined) return requests[next++];
    return performance.now() < until ? requests[next++ % requests.length] : undefined;
  }

  async function loop(connection) {
    for (let request = take(); request !== undefined; request = take()) {
      const sentAt = performance.now();
      const { isOk, cacheStatus } = await connection.send(request);
      endedAt = performance.now();
      latencies.push(endedAt - sentAt);
      if (!isOk) failures += 1;
      outcomes[cacheStatus] = (outcomes[cacheStatus] ?? 0) + 1;
    }
  }

  await Promise.all(connections.map(loop));
  latencies.sort((a, b) => a - b);
  return {
    requests: latencies.length,
    failures,
    seconds: (endedAt - startedAt) / 1000,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    outcomes,
  };
}

function quantile(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}

/** Processor time that a process has used, user and system together, in the kernel's steps of 10 ms. NaN where there is no /proc. */
function cpuMsOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11);
    return 10 * (Number(user) + Number(system));
  } catch {
    return Number.NaN;
  }
}
