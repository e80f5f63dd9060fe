import { readdirSync, readFileSync } from 'node:fs';
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
  const requests = paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  let onAnswer;
  let onFailure;
  const open = await openConnections(
    port,
    connections,
    (...answer) => onAnswer(...answer),
    (error) => onFailure(error),
  );
  const drive = (forMs) =>
    new Promise((resolve, reject) => {
      onFailure = reject;
      onAnswer = startLoop(open, requests, forMs, resolve);
    });
  try {
    if (warmUpMs > 0) await drive(warmUpMs);
    const cpuBefore = cpuMsOf(pid);
    const idleBefore = performance.eventLoopUtilization();
    const measured = await drive(ms);
    const cpuMs = cpuMsOf(pid) - cpuBefore;
    return { ...measured, cpuMs, generatorBusy: performance.eventLoopUtilization(idleBefore).utilization };
  } finally {
    onFailure = () => {};
    for (const connection of open) connection.close();
  }
}

/** Every connection sends its next request as soon as it has the answer to the last: a closed loop without pipelining. */
function startLoop(connections, requests, ms, done) {
  const latencies = [];
  const outcomes = new Map();
  let failures = 0;
  let next = 0;
  let busy = 0;
  const startedAt = performance.now();
  const until = ms === undefined ? Number.POSITIVE_INFINITY : startedAt + ms;

  function send(connection, now) {
    const isOver = ms === undefined ? next >= requests.length : now >= until;
    if (isOver) return;
    busy += 1;
    connection.sentAt = now;
    connection.send(requests[next++ % requests.length]);
  }

  function onAnswer(connection, isOk, outcome) {
    const now = performance.now();
    busy -= 1;
    latencies.push(now - connection.sentAt);
    if (!isOk) failures += 1;
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    send(connection, now);
    if (busy > 0) return;
    latencies.sort((a, b) => a - b);
    done({
      requests: latencies.length,
      failures,
      seconds: (now - startedAt) / 1000,
      p50Ms: quantile(latencies, 0.5),
      p99Ms: quantile(latencies, 0.99),
      outcomes: Object.fromEntries(outcomes),
    });
  }

  for (const connection of connections) send(connection, startedAt);
  return onAnswer;
}

function quantile(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}

/** Processor time that a process has used, all of its threads together. NaN where the kernel does not tell. */
function cpuMsOf(pid) {
  try {
    const ns = readdirSync(`/proc/${pid}/task`).map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]),
    );
    return ns.reduce((sum, part) => sum + part, 0) / 1e6;
  } catch {
    return Number.NaN;
  }
}
