// Takes out of a production install what this service never loads: @prisma/client carries the query compilers of five databases, each in two
// sizes and two module formats. What stays is read from the generated client, so that another `provider` or `runtime` needs no edit here.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));
const runtime = join(project, 'node_modules/@prisma/client/runtime');
const client = readFileSync(join(project, 'dist/generated/prisma/internal/class.js'), 'utf8');
const used = new Set([...client.matchAll(/@prisma\/client\/runtime\/([\w.-]+)/g)].map(([, name]) => name));
const isWanted = (name) => used.has(name) || !/^query_compiler_|^wasm-compiler-edge|\.map$/.test(name);

const compilers = [...used].filter((name) => name.startsWith('query_compiler_'));
if (compilers.length === 0) throw new Error('The generated client names no query compiler: has its format changed?');
for (const name of readdirSync(runtime)) if (!isWanted(name)) rmSync(join(runtime, name));
for (const name of compilers) readFileSync(join(runtime, name));
