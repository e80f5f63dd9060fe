import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { applyEdits, type Edit } from './edit.js';

export const project = fileURLToPath(new URL('../..', import.meta.url));
/** Inside node_modules, so that the packages that a bundle leaves outside are found from there, and Git and the linters look away. */
const folder = join(project, 'node_modules/.cache/truetag-sabotage');

/**
 * Bundles `entry` with the project's sources, edited on the way; packages stay outside. The served build knows nothing of it.
 * @param entry path from the project's folder
 * @returns path of an .mjs file named after its content: bundling the same again writes nothing
 * @throws Error where an edit is not found exactly once, or its file is no part of the bundle
 */
export async function bundle({ entry, edits }: { entry: string; edits: readonly Edit[] }): Promise<string> {
  const loaded = new Set<string>();
  const { outputFiles } = await build({
    entryPoints: [join(project, entry)],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'silent',
    plugins: [editing(edits, loaded)],
  });
  for (const { file } of edits) if (!loaded.has(file)) throw new Error(`there is nothing to sabotage: ${file} is no part of ${entry}`);
  const [output] = outputFiles;
  if (!output) throw new Error(`esbuild made nothing of ${entry}`);
  return keep(output.text);
}

function editing(edits: readonly Edit[], loaded: Set<string>): Plugin {
  return {
    name: 'edit-sources',
    setup(builder) {
      builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const file = relative(project, resolve(path)).split(sep).join('/');
        loaded.add(file);
        const text = applyEdits(file, readFileSync(path, 'utf8'), edits);
        // A source finds its neighbours by its own place, which is not that of the bundle.
        return { contents: text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)), loader: 'ts' };
      });
    },
  };
}

function keep(text: string): string {
  const path = join(folder, `${createHash('sha256').update(text).digest('hex').slice(0, 32)}.mjs`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  // Whole or not at all: two runs may make the same file at once.
  const half = `${path}.${process.pid}`;
  writeFileSync(half, text);
  renameSync(half, path);
  return path;
}
