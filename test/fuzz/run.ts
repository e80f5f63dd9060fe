// `npm run fuzz`: a served instance under requests of every kind, each answer held against its own OpenAPI document.
import { fuzz } from './fuzz.js';
import { type Options, readOptions, usage } from './options.js';
import { serverErrorsIn } from './outcome.js';
import { reportOf } from './report.js';
import { openRig } from './rig.js';

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}\n`);
    return 2;
  }
  const rig = await openRig();
  try {
    const startedAt = performance.now();
    const outcome = await fuzz({ ...options, ...rig });
    const { errors } = serverErrorsIn(outcome);
    const seconds = (performance.now() - startedAt) / 1_000;
    const ready = await fetch(`http://127.0.0.1:${rig.port}/health/ready`, { signal: AbortSignal.timeout(10_000) }).catch(() => null);
    const failures = [
      ...(outcome.faults.length > 0 ? [`${outcome.faults.length} faults`] : []),
      ...(outcome.unreached.length > 0 ? [`${outcome.unreached.length} things were not met`] : []),
      ...(errors > 0 ? [`${errors} answers began with 5`] : []),
      ...(rig.isRunning() && ready?.status === 200 ? [] : ['the server is no longer ready']),
      ...rig.complaints().map((line) => `the server complained: ${line}`),
    ];
    process.stdout.write(`${reportOf(outcome)}\nseed ${options.seed}, ${options.connections} connections, ${seconds.toFixed(0)} s\n\n`);
    process.stdout.write(failures.length === 0 ? 'Every answer was one that the document knows.\n' : `FAILED: ${failures.join('\n')}\n`);
    return failures.length === 0 ? 0 : 1;
  } finally {
    await rig.close();
  }
}

process.exitCode = await main();
