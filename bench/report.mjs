import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { cores } from './cores.mjs';

/** Writes latest.md and latest.json into `folder`. Returns the markdown. */
export function writeReport(summary, plan, folder) {
  const machine = {
    node: process.version,
    cores: availableParallelism(),
    isPinned: cores !== undefined,
    platform: `${process.platform} ${process.arch}`,
  };
  const markdown = toMarkdown(summary, plan, machine);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'latest.md'), markdown);
  writeFileSync(join(folder, 'latest.json'), `${JSON.stringify({ machine, plan, ...summary }, null, 2)}\n`);
  return markdown;
}

function toMarkdown({ tables, verdicts, cautions }, plan, machine) {
  const { node, cores: count, isPinned, platform } = machine;
  return [
    '# What a read costs\n',
    `Node ${node}, ${count} cores, ${platform}. One process per candidate, ${plan.connections} keep-alive connections on loopback, the generator in a process of its own${isPinned ? ', each on one core' : ''}.`,
    `${plan.rounds} rounds with the candidates in turn: ${plan.roundMs} ms each for what stays in memory, ${plan.cold} products asked for once each for what does not.`,
    'Figures are medians over the rounds, ratios medians of the ratios within each round. CPU is what the server process used per request, all threads together; × CPU is how many times what Truetag used.\n',
    ...(plan.isQuick
      ? ['A quick run, too short to warm every candidate up: it shows that the bench works, and its figures are not to be quoted.\n']
      : []),
    ...tables.map(toTable),
    '## Targets\n',
    ...verdicts.map(({ claim, ratio, isMet }) => `- ${claim}: **${ratio.toFixed(2)}**${isMet === undefined ? '' : isMet ? ', met' : ', missed'}`),
    ...(cautions.length === 0 ? [] : ['\n## Read with care\n', ...cautions.map((line) => `- ${line}`)]),
    '',
  ].join('\n');
}

function toTable({ title, note, rows }) {
  const head = ['', 'req/s', 'p50 ms', 'p99 ms', 'CPU µs/req', 'of bare', 'Truetag is', '× CPU', 'generator busy', 'requests', 'not 2xx'];
  const lines = rows.map((row) => [
    row.title,
    Math.round(row.perSecond),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    row.cpuUs.toFixed(1),
    row.ofBare.toFixed(2),
    row.name === 'truetag' ? '' : `${row.truetagOfThis.toFixed(2)} ×`,
    row.name === 'truetag' ? '' : row.cpuOfTruetag.toFixed(2),
    `${Math.round(100 * row.generatorBusy)} %`,
    row.requests,
    row.failures,
  ]);
  const cells = (line) => `| ${line.join(' | ')} |`;
  return `## ${title}\n\n${[cells(head), cells(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...lines.map(cells)].join('\n')}\n${note === undefined ? '' : `\n${note}\n`}`;
}
