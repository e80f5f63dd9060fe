import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../..', import.meta.url));
const generated = join(project, 'src/generated');
const stamp = join(generated, 'schema.sha256');
const generateWithinMs = 120_000;

/**
 * Generates the Prisma client where it is missing or was made from another schema. A hash beside it tells, not the times of the files, which
 * a checkout sets at will.
 * @returns whether it was generated now
 * @throws Error with what Prisma said
 */
export async function generateClient(): Promise<boolean> {
  // A build carries its client along and neither the schema nor the generator.
  if (existsSync(new URL('../generated/prisma/client.js', import.meta.url))) return false;
  const wanted = fingerprint();
  const isCurrent = existsSync(join(generated, 'prisma/client.ts')) && existsSync(stamp) && readFileSync(stamp, 'utf8').trim() === wanted;
  if (isCurrent) return false;
  await runGenerate();
  mkdirSync(generated, { recursive: true });
  writeFileSync(stamp, `${wanted}\n`);
  return true;
}

function fingerprint(): string {
  const hash = createHash('sha256');
  for (const file of ['prisma/schema.prisma', 'node_modules/prisma/package.json']) hash.update(readFileSync(join(project, file)));
  return hash.digest('hex');
}

async function runGenerate(): Promise<void> {
  const child = spawn(process.execPath, ['node_modules/prisma/build/index.js', 'generate'], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: generateWithinMs,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const isDone = await new Promise<boolean>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code === 0));
  });
  if (!isDone) throw new Error(`prisma generate failed:\n${output.trim()}`);
}
