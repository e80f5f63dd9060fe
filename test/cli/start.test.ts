import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive, signal, waitUntilGone } from '../../src/db/process-life.js';
import { freePort } from '../harness/free-port.js';

const project = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
let dataDir: string;
let port: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'truetag-start-'));
  chmodSync(folder, 0o755);
  dataDir = join(folder, 'data');
  port = await freePort();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  child: ChildProcess;
  out: { stdout: string; stderr: string };
  ended: Promise<number | null>;
}

function run(command: string, environment: Record<string, string> = {}): Run {
  const clean = { PATH: process.env.PATH, HOME: process.env.HOME, DATA_DIR: dataDir, PORT: String(port), ...environment };
  const child = spawn(process.execPath, ['--import', 'tsx', `src/cli/${command}.ts`], {
    cwd: project,
    env: clean,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out = { stdout: '', stderr: '' };
  child.stdout.on('data', (data: Buffer) => (out.stdout += data));
  child.stderr.on('data', (data: Buffer) => (out.stderr += data));
  return { child, out, ended: new Promise((resolve) => child.once('close', resolve)) };
}

async function startUp(): Promise<Run & { postgresPid: number }> {
  const started = run('start');
  await expect.poll(() => started.out.stdout.includes('Truetag is up') || started.child.exitCode !== null, { timeout: 40_000 }).toBe(true);
  expect(started.out.stdout, started.out.stderr).toContain(`Truetag is up at http://127.0.0.1:${port}`);
  const postgresPid = Number(readFileSync(join(dataDir, 'postgres/postmaster.pid'), 'utf8').split('\n')[0]);
  return { ...started, postgresPid };
}

async function priceOf(slugUrl: string): Promise<number> {
  const product = (await (await fetch(slugUrl)).json()) as { variants: { price: { amount: number } | null }[] };
  return product.variants[0]?.price?.amount ?? Number.NaN;
}

describe('npm start', () => {
  it('serves the demo catalog on a database of its own, and the printed command changes a price for good', { timeout: 120_000 }, async () => {
    const first = await startUp();
    const productUrl = /A product +(\S+)/.exec(first.out.stdout)?.[1] ?? '';
    const command = /^ {2}(curl .*)$/m.exec(first.out.stdout)?.[1] ?? '';
    const wanted = Number(/"amount":(\d+)/.exec(command)?.[1]);
    expect(await priceOf(productUrl)).not.toBe(wanted);
    const curl = spawn('/bin/sh', ['-c', `${command} -sf`], { cwd: project, stdio: 'ignore' });
    expect(await new Promise((resolve) => curl.once('close', resolve))).toBe(0);
    expect(await priceOf(productUrl)).toBe(wanted);
    for (const secret of ['admin-key', 'postgres-password', 'running.json']) expect(statSync(join(dataDir, secret)).mode & 0o777).toBe(0o600);

    const second = run('start', { PORT: String(await freePort()) });
    expect(await second.ended).toBe(1);
    expect(second.out.stderr).toBe(
      `npm start is already running at http://127.0.0.1:${port} (pid ${first.child.pid}) on ${dataDir}: stop it, or set DATA_DIR to start a second one beside it\n`,
    );
    const migrate = run('migrate');
    expect(await migrate.ended).toBe(0);
    expect(migrate.out.stdout).toBe('nothing to apply\n');

    first.child.kill('SIGKILL');
    await first.ended;
    expect(isAlive(first.postgresPid)).toBe(true);
    const again = await startUp();
    expect(again.postgresPid).toBe(first.postgresPid);
    expect(await priceOf(productUrl)).toBe(wanted);
    again.child.kill('SIGTERM');
    expect(await again.ended).toBe(0);
    expect(isAlive(again.postgresPid)).toBe(false);
    expect(existsSync(join(dataDir, 'running.json'))).toBe(false);
  });

  it('ends at once on a second signal, and takes Postgres along', { timeout: 120_000 }, async () => {
    const { child, ended, postgresPid } = await startUp();
    // A Postgres that does not react holds up the orderly way down.
    signal(postgresPid, 'SIGSTOP');
    child.kill('SIGINT');
    // Closer together the two count as one Ctrl-C, which npm passes on once more.
    await new Promise((resolve) => setTimeout(resolve, 300));
    child.kill('SIGINT');
    expect(await ended).toBe(1);
    signal(postgresPid, 'SIGCONT');
    expect(await waitUntilGone(postgresPid, 10_000)).toBe(true);
    expect(existsSync(join(dataDir, 'running.json'))).toBe(false);
  });

  it('says in one line that the port is taken, before it starts anything', async () => {
    const other = createServer();
    const taken = await new Promise<number>((resolve) => other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port)));
    const empty = join(folder, 'port-taken');
    const { ended, out } = run('start', { PORT: String(taken), DATA_DIR: empty });
    expect(await ended).toBe(1);
    expect(out.stderr).toBe(`Port ${taken} is taken. Stop what listens there or choose another: PORT=${taken + 1} npm start\n`);
    expect(existsSync(join(empty, 'postgres'))).toBe(false);
    other.close();
  });

  it('says in one line that the data folder cannot be made, also where its parent exists and takes none', async () => {
    const plain = join(folder, 'plain');
    writeFileSync(plain, '');
    for (const impossible of [join(plain, 'data'), ...(existsSync('/proc/self') ? ['/proc/truetag/data'] : [])]) {
      const { ended, out } = run('start', { DATA_DIR: impossible });
      expect(await ended).toBe(1);
      expect(out.stderr).toMatch(/^The data folder \S+ cannot be written \([^\n]+\): set DATA_DIR to one that can\n$/);
    }
  });

  it('says one line per fault of the configuration', async () => {
    const { ended, out } = run('start', { PORT: 'door', ADMIN_API_KEY: 'short' });
    expect(await ended).toBe(1);
    expect(out.stderr).toBe('PORT: must be a whole number\nADMIN_API_KEY: must have at least 32 characters\n');
  });
});

describe('npm run migrate', () => {
  it('says in one line what to do where there is no database', async () => {
    const { ended, out } = run('migrate', { DATA_DIR: join(folder, 'nothing') });
    expect(await ended).toBe(1);
    expect(out.stderr).toMatch(/^There is no DATABASE_URL and no npm start running on .*: set DATABASE_URL, or run npm start in another terminal\n$/);
  });
});
