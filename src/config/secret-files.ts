import { readFileSync, statSync } from 'node:fs';

/** What may come as the path of a file instead, `<KEY>_FILE`: that is how Docker and Kubernetes hand over secrets. */
const secrets = ['ADMIN_API_KEY', 'DATABASE_URL', 'DATABASE_DIRECT_URL', 'REDIS_URL', 'OTEL_EXPORTER_OTLP_HEADERS'] as const;
const maxSecretBytes = 8192;

/** The contents by key, and a line for each file that cannot be used. */
export function readSecrets(given: Record<string, string | undefined>): { contents: Record<string, string>; faults: string[] } {
  const contents: Record<string, string> = {};
  const faults: string[] = [];
  for (const key of secrets) {
    const path = given[`${key}_FILE`];
    if (path === undefined) continue;
    if (given[key] !== undefined) faults.push(`${key}_FILE: ${key} is set as well; set one of the two`);
    else {
      const { text, fault } = readSecret(path);
      if (text === undefined) faults.push(`${key}_FILE: ${fault}`);
      else contents[key] = text;
    }
  }
  return { contents, faults };
}

/** The path is not repeated in a fault: it may be the secret itself, by mistake. Only regular files, since a pipe could keep the start waiting. */
function readSecret(path: string): { text?: string; fault?: string } {
  try {
    const entry = statSync(path);
    if (!entry.isFile()) return { fault: 'must name a regular file' };
    if (entry.size > maxSecretBytes) return { fault: `the file must have at most ${maxSecretBytes} bytes` };
    const text = readFileSync(path, 'utf8').trimEnd();
    return text === '' ? { fault: 'the file is empty' } : { text };
  } catch (error) {
    return { fault: `the file cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : 'unknown'})` };
  }
}
