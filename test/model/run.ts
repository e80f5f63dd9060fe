import { explore, type Model } from './checker.js';
import { large, small } from './configurations.js';
import { mutants } from './mutants.js';
import { createProtocol } from './protocol.js';
import { createRename, renameMutants } from './rename.js';

/**
 * The model check by hand: `npm run test:model -- [part of a name] [state cap]`. Every configuration to its end unless a cap is given, with what was
 * searched; then every broken rule with its shortest counterexample. A numbered line is one step: who (i0 an instance, w0 a writer, pg, time), the
 * rule, and in brackets what it changed. Ends with 1 where the unbroken protocol is violated or a broken one is not caught.
 */
const [wanted = '', cap = '60000000'] = process.argv.slice(2);
let failures = 0;

for (const { name, bounds } of [...small, ...large]) search(name, createProtocol(bounds));
search('two writers rename the same product', createRename());
for (const { breaks, does, bounds, uncaught } of mutants)
  search(`${breaks.join(' and ')}: ${does}`, createProtocol(bounds, breaks), uncaught ?? null);
for (const { breaks, does } of renameMutants) search(`${breaks}: ${does}`, createRename(breaks), null);
process.exitCode = failures > 0 ? 1 : 0;

/** `uncaught` is left away for what must not be violated, null for what must be, and else says why a broken rule is not. */
function search<S>(name: string, model: Model<S>, uncaught?: string | null) {
  if (!name.includes(wanted)) return;
  const { states, transitions, depth, isExhausted, elapsedMs, violation } = explore(model, Number(cap));
  const extent = `${isExhausted ? 'all' : 'the first'} ${states} states, ${transitions} steps, depth ${depth}, ${(elapsedMs / 1000).toFixed(1)} s`;
  const verdict = violation ? `violated: ${violation.claim}\n${violation.trace.join('\n')}` : `not violated${uncaught ? `. ${uncaught}` : ''}`;
  const isAsWanted = (violation !== null) === (uncaught === null);
  if (!isAsWanted) failures += 1;
  console.log(`${isAsWanted ? '' : 'WRONG '}${name}\n  ${extent}\n  ${verdict}\n`);
}
