import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';

/** What `npm run drift` says of that schema, on the run's own Postgres. */
function drift(schemaPath: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, DATABASE_URL: inject('database').url };
    const args = ['--import', 'tsx', 'prisma/check-drift.mjs', schemaPath];
    execFile(process.execPath, args, { env, timeout: 25_000 }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, output: stdout + stderr });
    });
  });
}

describe('the drift check', () => {
  it('finds nothing between schema.prisma and the migrations', async () => {
    expect(await drift('prisma/schema.prisma')).toMatchObject({ code: 0, output: expect.stringContaining('agree') });
  });

  it('fails with the missing SQL where the schema was edited without a migration', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'truetag-drift-test-'));
    try {
      const edited = readFileSync('prisma/schema.prisma', 'utf8').replace(/^( +)sku +String\?$/m, '$1sku String? @unique\n$1shelf String?');
      expect(edited).toContain('shelf');
      writeFileSync(join(folder, 'schema.prisma'), edited);
      const { code, output } = await drift(join(folder, 'schema.prisma'));
      expect(code).toBe(1);
      expect(output).toContain('ADD COLUMN     "shelf" TEXT');
      expect(output).toContain('CREATE UNIQUE INDEX "variant_sku_key"');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
