export interface NaiveWrite {
  begin: number;
  end: number;
  version: number;
}
export type NaiveRead = NaiveWrite;

/**
 * The definition, word for word and in O(n²), for acknowledged writes and for reads that show a version: what the checker of the run is
 * compared with.
 * @param first the version before the first write
 * @returns kind, begin, end and what it was, for each violation
 */
export function naiveViolations(first: number, writes: readonly NaiveWrite[], reads: readonly NaiveRead[]): string[] {
  const highest = (ops: readonly NaiveWrite[], begin: number) =>
    Math.max(first, ...ops.filter(({ end }) => end < begin).map(({ version }) => version));
  const name = (kind: string, { begin, end }: NaiveWrite, what: string) => `${kind} ${begin} ${end} ${what}`;
  return [
    ...writes.flatMap((write) =>
      write.version <= Math.max(highest(writes, write.begin), highest(reads, write.begin)) ? [name('order', write, 'write')] : [],
    ),
    ...reads.flatMap((read) => {
      const maker = writes.find(({ version }) => version === read.version);
      const age = read.version < highest(writes, read.begin) ? 'F1' : read.version < highest(reads, read.begin) ? 'F2' : null;
      return [...(age ? [name(age, read, 'read')] : []), ...(maker && maker.begin >= read.end ? [name('future', read, 'read')] : [])];
    }),
  ];
}
