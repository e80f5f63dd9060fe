import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

export interface Finding {
  path: string;
  /** From 1; 0 where the finding is of the whole file. */
  line: number;
  /** `no-restricted-imports` for example. */
  rule: string;
}

/**
 * What the project's linters say of files that are not the project's: they are laid out in a folder of their own, beside the project's
 * configuration, so that each falls under the rules of its place.
 * @param files source texts by path
 */
export function lint(files: Record<string, string>): Finding[] {
  const folder = mkdtempSync(join(tmpdir(), 'truetag-lint-'));
  try {
    for (const name of ['.oxlintrc.json', 'biome.json', '.gitignore', 'tsconfig.json']) copyFileSync(name, join(folder, name));
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    return [...oxlint(folder), ...biome(folder)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface OxlintReport {
  diagnostics: { filename: string; code: string; labels: { span: { line: number } }[] }[];
}

interface BiomeReport {
  diagnostics: { category: string; location: { path: string; start?: { line: number } } }[];
}

function oxlint(folder: string): Finding[] {
  const { diagnostics } = run<OxlintReport>(folder, 'oxlint', '--type-aware', '-f', 'json');
  return diagnostics.map(({ filename, code, labels }) => ({
    path: filename,
    line: labels[0]?.span.line ?? 0,
    rule: /\((.+)\)/.exec(code)?.[1] ?? code,
  }));
}

function biome(folder: string): Finding[] {
  const { diagnostics } = run<BiomeReport>(folder, 'biome', 'lint', '--reporter=json', '--max-diagnostics=none', '--diagnostic-level=error');
  return diagnostics.map(({ category, location }) => ({
    path: location.path,
    line: location.start?.line ?? 0,
    rule: category.split('/').at(-1) ?? category,
  }));
}

/** The JSON it prints; its exit code only says that there are findings. */
function run<Report>(folder: string, command: string, ...args: string[]): Report {
  const { stdout, stderr, error } = spawnSync(join(folder, 'node_modules/.bin', command), args, { cwd: folder, encoding: 'utf8', timeout: 20_000 });
  if (error) throw error;
  if (!stdout.startsWith('{')) throw new Error(`${command} gave no JSON: ${stdout}${stderr}`);
  return JSON.parse(stdout) as Report;
}
