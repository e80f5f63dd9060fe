import { openRig } from '../rig.mjs';
import { runCases } from './cases.mjs';
import { openLibraryKinds } from './library-kind.mjs';
import { openTruetagKind } from './truetag-kind.mjs';

/** Kinds of shop that are measured at the same time: most of a case is waiting for a TTL to end. */
const atOnce = 3;

/** Every case of every kind whose name `isWanted`: `{ kind, results, error }` each, in the order of the table. */
export async function measureAll(isWanted, log) {
  log('starting Postgres and Redis, importing the demo catalog');
  const rig = await openRig();
  const closing = [() => rig.close()];
  try {
    await rig.fillCatalog(0);
    const truetag = await openTruetagKind(rig);
    closing.push(truetag.close);
    const libraries = await openLibraryKinds(rig);
    closing.push(libraries.close);
    const rows = [truetag.kind, ...libraries.kinds].filter(({ name }) => isWanted(name)).map((kind) => ({ kind, results: null, error: null }));
    const waiting = [...rows];
    async function work() {
      for (let row = waiting.shift(); row; row = waiting.shift()) {
        try {
          row.results = await runCases(rig, row.kind);
        } catch (error) {
          row.error = error;
        }
        log(`${row.kind.title}: ${row.error ? row.error.message : 'measured'}`);
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work));
    return rows;
  } finally {
    for (const step of closing.reverse()) await step();
  }
}

/** Whether any read that began after an acknowledgement was shown the old price. */
export function showsAnOldPrice({ cut, hole, ...others }) {
  const acknowledged = ({ answer, late }) => [answer, late].find((told) => told?.status === 200)?.at ?? Number.POSITIVE_INFINITY;
  const watched = [
    ...Object.values(others).map(({ seen, write }) => [seen, write]),
    ...[cut, hole].flatMap(({ seen, write }) => Object.values(seen).map((of) => [of, write])),
  ];
  return watched.some(([{ oldAt }, write]) => oldAt !== null && oldAt >= acknowledged(write));
}
