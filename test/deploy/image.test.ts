import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../harness/database.js';
import { freePort } from '../harness/free-port.js';
import { type Service, startService } from '../harness/service.js';
import { image } from '../smoke/dockerfile.js';

const dockerfile = readFileSync('Dockerfile', 'utf8');

describe('the image', () => {
  it('copies what is there and what .dockerignore lets in', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources]) => sources?.split(' ') ?? []);
    const allowed = [...readFileSync('.dockerignore', 'utf8').matchAll(/^!(.+)$/gm)].map(([, name]) => name);
    expect(copied).toContain('src');
    for (const name of copied) expect(existsSync(name), name).toBe(true);
    expect(allowed.sort()).toEqual(copied.sort());
  });

  it('takes along what the built service reads beside its code', () => {
    expect(image.files).toEqual(['package.json', 'node_modules', 'prisma/migrations', 'prisma/demo', 'dist']);
  });

  it('runs the server as a user who is not root, which a number shows', () => {
    expect(dockerfile).toMatch(/^USER 1000:1000$/m);
    expect(dockerfile).toMatch(/^CMD \["node", "--max-semi-space-size=8", "dist\/server.js"\]$/m);
  });

  it('needs no shell: what it runs and what checks it are lists of words', () => {
    const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
    const commands = [...last.matchAll(/^(?:.*\s)?(?:CMD|ENTRYPOINT) (.+)$/gm)].map(([, words]) => words as string);
    expect(commands).toHaveLength(2);
    for (const words of commands) expect(JSON.parse(words)).toEqual(expect.arrayContaining(['node']));
    expect(last).not.toMatch(/^(RUN|SHELL)/m);
  });

  it('has no secret and no setting of anybody in its layers', () => {
    const set = [...dockerfile.matchAll(/^(?:ENV|ARG) (.+)$/gm)].flatMap(([, pairs]) =>
      (pairs as string).split(' ').map((pair) => pair.split('=')[0]),
    );
    expect(set.filter((name) => !/^(NODE_ENV|HOST|PORT|METRICS_HOST|NPM_CONFIG_\w+)$/.test(name as string))).toEqual([]);
    const allowed = readFileSync('.dockerignore', 'utf8').split('\n');
    expect(allowed).toContain('*');
    for (const name of ['!.env', '!deploy', '!.data']) expect(allowed).not.toContain(name);
  });
});

describe('its health check', () => {
  const [program = '', ...args] = JSON.parse(/HEALTHCHECK[^[]+(\[.+\])$/m.exec(dockerfile)?.[1] ?? '[]') as string[];
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let service: Service;

  const check = (port: string) =>
    new Promise<number | null>((resolve) => {
      const child = spawn(program, args, { env: { PATH: process.env.PATH, PORT: port }, stdio: 'ignore', timeout: 10_000 });
      child.once('close', resolve);
    });

  beforeAll(async () => {
    database = await createDatabase();
    service = await startService(database.url);
  });
  afterAll(async () => {
    await service.close();
    await database.drop();
  });

  it('passes while the service is ready, and fails once it drains', async () => {
    const { port } = new URL(service.url);
    expect(await check(port)).toBe(0);
    service.drain();
    expect(await check(port)).toBe(1);
  });

  it('fails where nothing listens', async () => {
    expect(await check(String(await freePort()))).toBe(1);
  });
});

describe('pruning for production', () => {
  const folder = mkdtempSync(join(tmpdir(), 'truetag-prune-'));
  const runtime = join(folder, 'node_modules/@prisma/client/runtime');
  const internal = join(folder, 'dist/generated/prisma/internal');
  afterAll(() => rmSync(folder, { recursive: true }));

  it('keeps the one query compiler that the generated client loads, and drops those of other databases', () => {
    for (const path of [runtime, internal]) mkdirSync(path, { recursive: true });
    for (const name of readdirSync('node_modules/@prisma/client/runtime')) writeFileSync(join(runtime, name), '');
    cpSync('src/generated/prisma/internal/class.ts', join(internal, 'class.js'));
    const { status, stderr } = spawnSync(process.execPath, ['scripts/prune-production.mjs', folder], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const left = readdirSync(runtime);
    expect(left).toContain('client.mjs');
    expect(left.filter((name) => name.startsWith('query_compiler_')).sort()).toEqual([
      'query_compiler_small_bg.postgresql.mjs',
      'query_compiler_small_bg.postgresql.wasm-base64.mjs',
    ]);
  });
});
