// Runs the command blocks of the README as they stand, in their order, and compares what each prints with the console block behind it. The
// block with `npm start` runs in the background until the others are through. Blocks with `npm test` or `npm run build` are the caller's
// own steps and are passed over.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const root = new URL('../..', import.meta.url).pathname;
const blocks = [...readFileSync(`${root}README.md`, 'utf8').matchAll(/^```(sh|console)\n([\s\S]*?)^```$/gm)].map(([, kind, text]) => ({
  kind,
  text,
}));
const readyWithinMs = 60_000;

let server;
let checked = 0;
try {
  for (const [index, { kind, text }] of blocks.entries()) {
    if (kind !== 'sh' || /npm test|npm run build/.test(text)) continue;
    if (text.includes('npm start')) server = await start(text.replace('npm ci && ', ''));
    else check(text, blocks[index + 1]?.kind === 'console' ? blocks[index + 1].text : null);
  }
} finally {
  await stop(server);
}
if (checked < 5) throw new Error(`only ${checked} blocks of the README were run`);
process.stdout.write(`README: ${checked} blocks do what they say\n`);

function check(command, expected) {
  const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', command], { cwd: root, encoding: 'utf8', timeout: 120_000 });
  if (status !== 0) throw new Error(`exit ${status} of\n${command}\n${stdout}${stderr}`);
  const said = stdout.replaceAll('\r', '').trim();
  if (expected !== null && said !== expected.trim()) throw new Error(`expected of\n${command}\n${expected}\nbut it printed\n${said}`);
  checked += 1;
}

function start(command) {
  const child = spawn('bash', ['-c', `exec ${command.trim()}`], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('npm start did not come up')), readyWithinMs);
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      if (!chunk.includes('Truetag is up')) return;
      clearTimeout(timer);
      resolve(child);
    });
    child.once('exit', (code) => reject(new Error(`npm start ended with ${code}`)));
  });
}

async function stop(child) {
  if (!child || child.exitCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}
