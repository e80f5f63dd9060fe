import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { bundle, project } from './bundle.js';
import { applyEdits } from './edit.js';
import { failPointEdits, failPoints } from './fail-points.js';
import { sabotages } from './sabotages.js';

const entry = 'src/cache/keys.ts';
const whole = { file: entry, from: ':lock`;', to: ':sabotaged`;' };

interface Keys {
  lockKey(key: string): string;
}

async function load(edits: Parameters<typeof bundle>[0]['edits']): Promise<Keys> {
  return (await import(pathToFileURL(await bundle({ entry, edits })).href)) as Keys;
}

describe('a sabotaged bundle', () => {
  it('holds the edit, and the source stays as it is', async () => {
    expect((await load([whole])).lockKey('a')).toBe('a:sabotaged');
    expect((await load([])).lockKey('a')).toBe('a:lock');
  });

  it('is what the benchmark measures without the protocol, whose edits still find their places', async () => {
    const scenarios = pathToFileURL(join(project, 'bench/scenarios.mjs')).href;
    const { candidates } = (await import(scenarios)) as { candidates: { name: string; script: string }[] };
    expect(new Set(candidates.map(({ script }) => script)).size).toBeGreaterThan(3);
  });

  it('is the same file for the same content', async () => {
    expect(await bundle({ entry, edits: [whole] })).toBe(await bundle({ entry, edits: [whole] }));
    expect(await bundle({ entry, edits: [whole] })).not.toBe(await bundle({ entry, edits: [] }));
  });

  it('is refused where the text to change is not there once', async () => {
    await expect(bundle({ entry, edits: [{ ...whole, from: 'no such line' }] })).rejects.toThrow('there is nothing to sabotage');
    await expect(bundle({ entry, edits: [{ ...whole, from: 'key' }] })).rejects.toThrow('there is nothing to sabotage');
  });

  it('is refused where the file to change is no part of it', async () => {
    await expect(bundle({ entry, edits: [{ ...whole, file: 'src/app.ts' }] })).rejects.toThrow('src/app.ts is no part of src/cache/keys.ts');
  });
});

describe('the tables', () => {
  it('every fail-point finds its place in the server', async () => {
    await bundle({ entry: 'test/truth/instance.ts', edits: failPointEdits() });
    expect(new Set(failPoints.map(({ name }) => name)).size).toBe(failPoints.length);
  });

  it.each(Object.entries(sabotages))('sabotage %s finds what it breaks, beside the fail-points', async (_name, { edits }) => {
    await bundle({ entry: 'test/truth/instance.ts', edits: [...failPointEdits(), ...edits] });
  });

  it('two fail-points at one anchor stand around it', () => {
    const point = { file: 'a.ts', anchor: 'work();' };
    const edits = failPointEdits([
      { ...point, name: 'before', where: 'before' },
      { ...point, name: 'after', where: 'after' },
    ]);
    expect(applyEdits('a.ts', 'work();', edits).split('\n')).toEqual([
      'await globalThis.truetagFailPoint?.("before");',
      'work();',
      'await globalThis.truetagFailPoint?.("after");',
    ]);
  });

  it('the served sources know of neither', async () => {
    const plain = await bundle({ entry: 'src/server.ts', edits: [] });
    expect(readFileSync(plain, 'utf8')).not.toMatch(/truetagFailPoint|sabotage/i);
  });
});
