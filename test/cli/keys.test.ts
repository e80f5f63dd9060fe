import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ApiKey, CreatedKey, RotatedKey } from '../../src/access/api-key.js';
import { allScopes } from '../../src/access/scope.js';
import { createDatabase, createEmptyDatabase } from '../harness/database.js';
import { type Service, startService } from '../harness/service.js';
import { endProcesses, runProcess } from '../run-process.js';

describe('npm run keys', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let service: Service;
  beforeAll(async () => {
    database = await createDatabase();
    service = await startService(database.url, { adminApiKey: undefined });
  });
  afterEach(endProcesses);
  afterAll(async () => {
    await service.close();
    await database.drop();
  });

  async function run(args: readonly string[], env: Record<string, string> = { DATABASE_URL: database.url }) {
    const { ended, stdout, stderr } = runProcess('src/cli/keys.ts', args, env);
    return { code: await ended, stdout: stdout(), stderr: stderr() };
  }
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await run([...args, '--json']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toHaveLength(2);
    return JSON.parse(stdout);
  };
  const use = async (key: string) => (await service.http.get('/v1/admin/variants?sku=none').set({ authorization: `Bearer ${key}` })).status;

  it('makes a key that works at once, rotates it with an overlap, and revokes it', async () => {
    const made = CreatedKey.parse(await json('create', '--name', 'Price feed', '--scopes', 'catalog:read,prices:write', '--expires-in-days', '90'));
    expect(made).toMatchObject({ name: 'Price feed', scopes: ['catalog:read', 'prices:write'], createdBy: 'cli', expiresAt: expect.any(String) });
    expect(await use(made.key)).toBe(200);
    const rotated = RotatedKey.parse(await json('rotate', made.prefix, '--overlap-hours', '1'));
    expect([await use(made.key), await use(rotated.key)]).toEqual([200, 200]);
    expect(ApiKey.parse(await json('revoke', made.prefix))).toMatchObject({ state: 'revoked' });
    expect([await use(made.key), await use(rotated.key)]).toEqual([401, 200]);
    ApiKey.parse(await json('revoke', rotated.id));
    const { data } = await json('list');
    expect(data.map((key: unknown) => ApiKey.parse(key).prefix).toSorted()).toEqual([made.prefix, rotated.prefix].toSorted());
    expect(JSON.stringify(data)).not.toContain(made.key.slice(15));
  }, 60_000);

  it('prints to people the key alone on stdout, what is said of it on stderr, and no key in a list', async () => {
    const { code, stdout, stderr } = await run(['create', '--name', 'All', '--scopes', 'all']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ttk_[0-9a-f]{10}_[0-9a-f]{48}\n$/);
    expect(stderr).toContain('Shown this once');
    expect(stderr).not.toContain(stdout.trim().slice(15));
    expect(await use(stdout.trim())).toBe(200);
    const list = await run(['list']);
    expect(list.stdout).toMatch(new RegExp(`^${stdout.slice(0, 14)}  active   All  \\[${allScopes.join(' ')}\\]`, 'm'));
    expect(list.stdout).not.toContain(stdout.trim().slice(15));
  }, 60_000);

  it('says how it is used where it is given nothing, or what it does not know, before it looks for a database', async () => {
    const wrong = [
      [],
      ['delete', 'ttk_0123456789'],
      ['rotate'],
      ['create', '--name', 'a', '--scopes', 'prices:read'],
      ['create', '--name', 'a', '--scopes', 'all', '--expires-in-days', '1d'],
    ];
    for (const { code, stdout, stderr } of await Promise.all(wrong.map((args) => run(args, { DATA_DIR: '/nonexistent' })))) {
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain('npm run keys -- create');
    }
  }, 60_000);

  it('says in one line that a key is not there, and does not repeat a whole one', async () => {
    expect(await run(['revoke', 'ttk_0123456789'])).toEqual({ code: 1, stdout: '', stderr: 'No such key\n' });
    expect(await run(['revoke', 'nobody'])).toEqual({ code: 1, stdout: '', stderr: 'No such key\n' });
    const { code, stderr } = await run(['revoke', `ttk_0123456789_${'c'.repeat(48)}`]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^Name the key by its prefix[^\n]+\n$/)]);
    expect(stderr).not.toContain('cccc');
  }, 60_000);

  it('migrates first, and says in one line what to do where there is no database', async () => {
    const empty = await createEmptyDatabase();
    expect(await run(['list'], { DATABASE_URL: empty.url })).toMatchObject({ code: 0, stdout: 'There are no keys\n' });
    await empty.drop();
    const lost = await run(['list'], { DATA_DIR: '/nonexistent' });
    expect(lost).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^There is no DATABASE_URL[^\n]+\n$/) });
  }, 60_000);
});
