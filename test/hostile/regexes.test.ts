import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { check } from 'recheck';
import { describe, expect, it } from 'vitest';
import { parseAst } from 'vitest/node';
import { project } from '../sabotage/bundle.js';

interface Found {
  file: string;
  pattern: string;
  flags: string;
}

/** Every regular expression of a source text; `made` are those that are put together at run time. */
function regexesIn(file: string, source: string): { found: Found[]; made: string[] } {
  const { code } = transformSync(source, { loader: 'ts' });
  const found: Found[] = [];
  const made: string[] = [];
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { type, regex, callee } = node as { type?: string; regex?: { pattern: string; flags: string }; callee?: { name?: string } };
    if (type === 'Literal' && regex) found.push({ file, ...regex });
    if ((type === 'NewExpression' || type === 'CallExpression') && callee?.name === 'RegExp') made.push(file);
    for (const inner of Object.values(node)) walk(inner);
  };
  walk(parseAst(code));
  return { found, made };
}

async function verdictOn({ file, pattern, flags }: Found): Promise<string> {
  const verdict = await check(pattern, flags, { timeout: 60_000 });
  const time = 'complexity' in verdict ? (verdict.complexity.type === 'safe' ? 'linear' : verdict.complexity.type) : 'unknown';
  return `${file}: /${pattern}/${flags} ${verdict.status} ${time}`;
}

const sources = readdirSync(join(project, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(ts|mjs)$/.test(file) && !file.startsWith('generated'))
  .map((file) => regexesIn(file, readFileSync(join(project, 'src', file), 'utf8')));

describe('the regular expressions of the service', () => {
  it('take time in proportion to the text, whatever the text', async () => {
    const all = sources.flatMap(({ found }) => found);
    expect(all.length).toBeGreaterThan(50);
    const verdicts = await Promise.all([0, 1].map((half) => inTurn(all.filter((_, i) => i % 2 === half))));
    expect(verdicts.flat().filter((verdict) => !verdict.endsWith('safe linear'))).toEqual([]);
  }, 240_000);

  it('stand in the source as they are; the one that is put together holds a number', () => {
    expect(sources.flatMap(({ made }) => made)).toEqual(['catalog/etag.ts']);
  });
});

describe('the check of regular expressions', () => {
  it.each([
    ["text.replace(/0+$/, '')", 'polynomial'],
    ['z.string().regex(/^[^\\u0000]*[^\\u0000\\s][^\\u0000]*$/)', 'polynomial'],
    ['const nested: RegExp = /^(a+)+$/', 'exponential'],
  ])('finds the fault in %s', async (source, type) => {
    const { found } = regexesIn('planted.ts', source);
    expect(await Promise.all(found.map(verdictOn))).toEqual([expect.stringMatching(`vulnerable ${type}$`)]);
  });

  it('finds one that is put together', () => {
    expect(regexesIn('planted.ts', "const made = new RegExp('a' + given)").made).toEqual(['planted.ts']);
  });
});

async function inTurn(all: readonly Found[]): Promise<string[]> {
  const verdicts: string[] = [];
  for (const one of all) verdicts.push(await verdictOn(one));
  return verdicts;
}
