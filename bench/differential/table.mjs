import { limits } from './limits.mjs';

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

const about = [
  `Every instance is a process of its own (Node ${process.version}), over a real Postgres and a real Redis on this machine. A price is changed from old`,
  'to new; a cell says what reads are shown that begin after the write has been answered, and for how long. The libraries keep a price for',
  `${limits.ttlMs / 1000} s here (their TTL), so that its end can be waited for: an old price that lasts about that long lasts as long as any TTL.`,
];

const legend = [
  '- **S1**: a read misses and loads the old price, and the reply is on its way. The new price is written and acknowledged. The reply arrives. What do reads that begin then get on that instance?',
  '- **S2**: as S1, but a read begins after the acknowledgement and before the reply arrives. What does it get? "written elsewhere" in both: the write went through another instance, where that differs.',
  '- **second instance**: two instances have read the price; it is written through one. What does the other one show?',
  `- **Redis cut**, **black-holed**: two instances have read the price; the link between them and Redis is reset, or swallows everything, until the write has been answered or has waited for ${seconds(limits.writeWithinMs)}. Then it is whole again. A third instance, *cold*, kept its link and had never read the price. Truetag is asked at once, the others once they have found Redis again (a read before that goes past the cache and may mend it by chance).`,
  '- Libraries: the set-up of their own documentation, with its way to invalidate and nothing served stale; clients of ioredis give up after one retry. What that is stands in `bench/differential/candidates`.',
];

/** The results of all kinds as Markdown: the table, how to read it, and what could not be asked. */
export function toMarkdown(rows) {
  const head = [
    '',
    'keeps a price in',
    'S1: a load is in flight',
    'S2: a read joins it',
    'second instance',
    'Redis cut: the write, then',
    'Redis black-holed: the write, then',
  ];
  const lines = rows.map(({ kind, results, error }) =>
    error ? [kind.title, kind.tiers, `not measured: ${error.message.split('\n')[0]}`, '', '', '', ''] : [kind.title, kind.tiers, ...cellsOf(results)],
  );
  const cells = (line) => `| ${line.join(' | ')} |`;
  const failures = rows.flatMap(({ kind, results }) => (results ? failuresOf(kind, results) : []));
  return `${[
    '# Who shows the old price',
    '',
    ...about,
    '',
    ...[cells(head), cells(head.map(() => '---')), ...lines.map(cells)],
    '',
    ...legend,
    ...(failures.length > 0 ? ['', 'Reads that were not answered with a price:', '', ...failures] : []),
  ].join('\n')}\n`;
}

function cellsOf({ s1Same, s1Other, s2Same, s2Other, second, cut, hole }) {
  return [
    both(s1Same, s1Other, ({ seen, write }) => lasting(seen, write.answer.at)),
    both(s2Same, s2Other, ({ seen }) => (seen.oldAt === null ? (seen.reads === 0 ? 'no answer' : null) : '**old price**')),
    lasting(second.seen, second.write.answer.at) ?? 'new price',
    withoutRedis(cut),
    withoutRedis(hole),
  ];
}

/** Written through the same instance and through another one. */
function both(same, other, describe) {
  const [here, there] = [describe(same), describe(other)];
  if (here === null && there === null) return 'new price';
  if (here !== null && there !== null) return here;
  return here === null ? `new price; written elsewhere: ${there}` : `${here}; written elsewhere: new price`;
}

/** How long after the acknowledgement a read still began that was shown the old price, in words; null where none was. */
function lasting(seen, acknowledgedAt) {
  const ms = oldMs(seen, acknowledgedAt);
  return ms === null ? null : `**old price** ${duration(ms, seen.isOldAtEnd)}`;
}

function oldMs({ oldAt }, acknowledgedAt) {
  return oldAt === null || oldAt < acknowledgedAt ? null : oldAt - acknowledgedAt;
}

function duration(ms, isOpen) {
  return `${isOpen ? 'for more than' : 'for'} ${ms < 950 ? `${Math.round(ms)} ms` : seconds(ms)}`;
}

function withoutRedis({ write, isChanged, seen }) {
  const { answer, late } = write;
  const told = [answer, late].find((one) => one?.status != null);
  const waited = answer ? '' : `no answer within ${seconds(limits.writeWithinMs)}, then `;
  const status = told ? String(told.status) : ((answer ?? late)?.text ?? 'none');
  const said = `${waited}${status}${told?.status === 200 ? '' : isChanged ? ', yet committed' : ', price unchanged'}`;
  if (!isChanged) return said;
  const places = Object.entries(seen).map(([place, of]) => ({ place, ms: oldMs(of, told?.at ?? 0), isOpen: of.isOldAtEnd }));
  const old = places.filter(({ ms }) => ms !== null).sort((a, b) => b.ms - a.ms);
  if (old.length === 0) return `${said}; new price`;
  const where = old.length === places.length ? 'on every instance' : `on the ${old.map(({ place }) => place).join(' and the ')}`;
  return `${said}; **old price** ${duration(old[0].ms, old[0].isOpen)} ${where}`;
}

function failuresOf(kind, { cut, hole, ...others }) {
  const watched = [
    ...Object.entries(others).map(([name, { seen }]) => [name, seen]),
    ...Object.entries({ cut, hole }).flatMap(([name, { seen }]) => Object.entries(seen).map(([place, of]) => [`${name}, ${place}`, of])),
  ];
  return watched.flatMap(([name, { failures, reads }]) =>
    [...failures].map(([reason, count]) => `- ${kind.title}, ${name}: ${count} of ${reads + count}: ${reason.slice(0, 160)}`),
  );
}
