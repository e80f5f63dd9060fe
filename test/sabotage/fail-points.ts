import type { Edit } from './edit.js';

/** A named place where a test may have the process killed, stopped or held. */
export interface FailPoint {
  name: string;
  /** Path from the project's folder, with slashes. */
  file: string;
  /** Text that stands in the file once, at a place where a statement of an async function may stand before or after it. A comment can only be stood before. */
  anchor: string;
  where: 'before' | 'after';
}

/** THE TABLE of places. A rule of the price protocol is marked in its source by a comment that begins with its name. */
export const failPoints: readonly FailPoint[] = [
  {
    name: 'after-W1',
    file: 'src/cache/document-writer.ts',
    anchor: 'const pair = planned.armed?.pair ?? (await steps.arm(token, keys, options.process));',
    where: 'after',
  },
  { name: 'after-W3', file: 'src/cache/document-writer.ts', anchor: 'const at = time();', where: 'before' },
  {
    name: 'B-open',
    file: 'src/db/eager-transaction.ts',
    anchor: 'const open = await opening;',
    where: 'after',
  },
  {
    name: 'B-before-commit',
    file: 'src/db/held-connection.ts',
    anchor: "command = (await sendAll([...last, 'COMMIT'], { text: 'COMMIT' })).at(-1)?.command;",
    where: 'before',
  },
  {
    name: 'B-after-commit',
    file: 'src/db/held-connection.ts',
    anchor: "command = (await sendAll([...last, 'COMMIT'], { text: 'COMMIT' })).at(-1)?.command;",
    where: 'after',
  },
  { name: 'before-W5', file: 'src/cache/document-writer.ts', anchor: '    // W5', where: 'before' },
  {
    name: 'between-R2-R3',
    file: 'src/cache/documents.ts',
    anchor: 'const loaded = await bodies.fetch([...wanted.values()], sentAt);',
    where: 'after',
  },
];

/** The edits that open all places of the table; each does nothing until it is armed (see `test/truth/instance-control.ts`). */
export function failPointEdits(points: readonly FailPoint[] = failPoints): Edit[] {
  const edits = new Map<string, Edit>();
  for (const { name, file, anchor, where } of points) {
    const call = `await globalThis.truetagFailPoint?.(${JSON.stringify(name)});`;
    const key = `${file} ${anchor}`;
    const to = edits.get(key)?.to ?? anchor;
    // Two points at one anchor are one edit, because the anchor stands there once.
    edits.set(key, { file, from: anchor, to: where === 'before' ? `${call}\n${to}` : `${to}\n${call}` });
  }
  return [...edits.values()];
}
