import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Reads a secret from its file, and makes it (24 random bytes in base64url behind the prefix) where there is none yet. The file has mode
 * 0600 and appears whole or not at all, so that a start killed in the middle leaves no half of a secret.
 */
export function keepSecret(file: string, prefix = ''): string {
  const kept = readSecret(file);
  if (kept !== undefined) return kept;
  const secret = prefix + randomBytes(24).toString('base64url');
  const passing = `${file}.${process.pid}`;
  try {
    writeFileSync(passing, `${secret}\n`, { mode: 0o600 });
    renameSync(passing, file);
  } finally {
    rmSync(passing, { force: true });
  }
  return secret;
}

/** Reads a kept secret; undefined where there is none. */
export function readSecret(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
