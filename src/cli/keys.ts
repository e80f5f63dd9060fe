import { parseArgs } from 'node:util';
import type { z } from 'zod';
import { type ApiKey, KeyRotation, NewKey } from '../access/api-key.js';
import type { Grantor, KeyService } from '../access/key-service.js';
import { allScopes, scopes } from '../access/scope.js';
import { loadConfig } from '../config.js';
import { generateClient } from '../db/generate-client.js';
import { migrate } from '../db/migrator.js';
import { fail } from './fail.js';
import { findDatabaseUrl } from './find-database.js';

const usage = `npm run keys -- create --name NAME --scopes A,B|all [--expires-in-days N] [--json]
npm run keys -- list [--json]
npm run keys -- rotate PREFIX [--overlap-hours 24] [--expires-in-days N] [--json]
npm run keys -- revoke PREFIX [--json]
Scopes:
${Object.entries(scopes)
  .map(([name, meaning]) => `  ${name.padEnd(16)} ${meaning}`)
  .join('\n')}`;

/** Whoever reaches the database may do anything; the row says that it was made from here. */
const operator: Grantor = { keyId: 'cli', scopes: allScopes, end: null };

/** What a command prints: as JSON, and to people. A key stands alone on stdout, so that a shell can take it, and what is said of it on stderr. */
interface Answer {
  json: unknown;
  text: string;
  note?: string;
}

try {
  const command = readCommand();
  const { json, text, note } = await withKeys(command.run);
  if (command.isJson) process.stdout.write(`${JSON.stringify(json)}\n`);
  else {
    if (note !== undefined) process.stderr.write(`${note}\n`);
    process.stdout.write(text);
  }
} catch (error) {
  fail(error, 1);
}

function readCommand(): { isJson: boolean; run: (keys: KeyService) => Promise<Answer> } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      scopes: { type: 'string' },
      'expires-in-days': { type: 'string' },
      'overlap-hours': { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const [command, prefix, ...more] = positionals;
  const isNamed = command === 'rotate' || command === 'revoke';
  if (more.length > 0 || isNamed !== (prefix !== undefined)) throw new Error(usage);
  const expiresInDays = numberOf(values['expires-in-days']);
  const run = {
    create: () => {
      const names = values.scopes === 'all' ? [...allScopes] : values.scopes?.split(',').map((name) => name.trim());
      const wanted = parse(NewKey, { name: values.name, scopes: names, expiresInDays });
      return (keys: KeyService) => create(keys, wanted);
    },
    list: () => list,
    rotate: () => {
      const rotation = parse(KeyRotation, { overlapHours: numberOf(values['overlap-hours']), expiresInDays });
      return (keys: KeyService) => rotate(keys, prefix ?? '', rotation);
    },
    revoke: () => (keys: KeyService) => revoke(keys, prefix ?? ''),
  }[command ?? ''];
  if (run === undefined) throw new Error(usage);
  return { isJson: values.json, run: run() };
}

async function create(keys: KeyService, wanted: NewKey): Promise<Answer> {
  const made = await keys.create(wanted, operator);
  return { json: made, text: `${made.key}\n`, note: `Shown this once. ${describe(made)}` };
}

async function list(keys: KeyService): Promise<Answer> {
  const all: ApiKey[] = [];
  for (let cursor: string | null = null; ; ) {
    const { data, nextCursor } = await keys.list(100, cursor);
    all.push(...data);
    if (nextCursor === null) break;
    cursor = nextCursor;
  }
  return { json: { data: all }, text: all.length > 0 ? `${all.map(describe).join('\n')}\n` : 'There are no keys\n' };
}

async function rotate(keys: KeyService, prefix: string, rotation: KeyRotation): Promise<Answer> {
  const made = await keys.rotate(await idOf(keys, prefix), rotation, operator);
  const { replaces } = made;
  return { json: made, text: `${made.key}\n`, note: `Shown this once. ${describe(made)}\n${replaces.prefix} works until ${replaces.expiresAt}` };
}

async function revoke(keys: KeyService, prefix: string): Promise<Answer> {
  const revoked = await keys.revoke(await idOf(keys, prefix), operator);
  return { json: revoked, text: `${describe(revoked)}\n` };
}

/** By its prefix or its id. A whole key on the command line would be seen by everybody on the machine. */
async function idOf(keys: KeyService, name: string): Promise<string> {
  if (/^ttk_[0-9a-f]{10}_/.test(name))
    throw new Error('Name the key by its prefix (ttk_ and ten characters): a command line is no place for a secret');
  return (await keys.get(name.startsWith('ttk_') ? { prefix: name } : { id: name.toLowerCase() })).id;
}

function describe({ prefix, state, name, scopes: held, expiresAt, lastUsedAt }: ApiKey): string {
  const times = [expiresAt && `expires ${expiresAt}`, lastUsedAt ? `last used ${lastUsedAt}` : 'never used'].filter(Boolean).join(', ');
  return `${prefix}  ${state.padEnd(7)}  ${name}  [${held.join(' ')}]  ${times}`;
}

async function withKeys(run: (keys: KeyService) => Promise<Answer>): Promise<Answer> {
  const config = loadConfig();
  const databaseUrl = await findDatabaseUrl(config);
  await generateClient();
  if (config.migrate) await migrate({ url: (config.databaseUrl && config.databaseDirectUrl) ?? databaseUrl });
  const { openKeys } = await import('./open-keys.js');
  const { keys, close } = await openKeys(config, databaseUrl);
  try {
    return await run(keys);
  } finally {
    await close();
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const fault = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n');
  throw new Error(`${fault}\n${usage}`);
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,6}$/.test(text)) throw new Error(`${text} is no whole number\n${usage}`);
  return Number(text);
}
