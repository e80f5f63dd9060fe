import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openRig } from './rig.mjs';
import { createReadCases } from './uncached-cases.mjs';

/**
 * `npm run bench:uncached [PRODUCTS]`: what each read costs without any cache, one after the other on one connection, over the demo catalog
 * and over a generated one. The first column is where `uncachedMs` of the policy table comes from.
 */
const products = Number(process.argv[2] ?? 20_000);
const warmUps = 30;
const runs = 300;
const budgetMs = 4_000;

const results = fileURLToPath(new URL('./results', import.meta.url));
const rig = await openRig();
try {
  const demo = await measure(0);
  const large = await measure(products);
  const markdown = toMarkdown(demo, large);
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, 'uncached.md'), markdown);
  process.stdout.write(markdown);
} finally {
  await rig.close();
}

async function measure(count) {
  process.stderr.write(`importing ${count === 0 ? 'the demo catalog' : `${count} products`}\n`);
  await rig.fillCatalog(count);
  const { cases, products: total, close } = await createReadCases(rig.databaseUrl);
  try {
    const figures = [];
    for (const { route, what, read } of cases) figures.push({ route, what, ...(await time(read)) });
    return { total, figures };
  } finally {
    await close();
  }
}

/** Milliseconds of one read at a time, each with the next argument. */
async function time(read) {
  for (let i = 0; i < warmUps; i += 1) await read(i);
  const times = [];
  const until = performance.now() + budgetMs;
  for (let i = 0; i < runs && performance.now() < until; i += 1) {
    const startedAt = performance.now();
    await read(warmUps + i);
    times.push(performance.now() - startedAt);
  }
  times.sort((a, b) => a - b);
  return { p50Ms: times[Math.floor(times.length / 2)], p99Ms: times[Math.floor(times.length * 0.99)] };
}

function toMarkdown(demo, large) {
  const lines = demo.figures.map(({ route, what, p50Ms, p99Ms }, i) => {
    const at = large.figures[i];
    return `| ${route} | ${what} | ${[p50Ms, p99Ms, at.p50Ms, at.p99Ms].map((ms) => ms.toFixed(2)).join(' | ')} |`;
  });
  return [
    '# What a read costs without any cache\n',
    `Node ${process.version}, ${availableParallelism()} cores, ${process.platform} ${process.arch}, Postgres on the same machine. Milliseconds of one read at a time, ${runs} reads each.\n`,
    `| route | what is read | ${demo.total} products, p50 | p99 | ${large.total} products, p50 | p99 |`,
    '| --- | --- | ---: | ---: | ---: | ---: |',
    ...lines,
    '',
  ].join('\n');
}
