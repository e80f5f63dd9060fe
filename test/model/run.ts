import { explore } from './checker.js';
import { large, small } from './configurations.js';
import { mutants } from './mutants.js';
import { createProtocol } from './protocol.js';

/**
 * The model check by hand: `npm run test:model -- [part of a name] [state cap]`. Every configuration to its end unless a cap is given, with what was
 * searched; then every broken rule with its shortest counterexample. Ends with 1 where the unbroken protocol is violated or a broken one is
 * not caught.
 */
const [wanted = '', cap = '60000000'] = process.argv.slice(2);
let failures = 0;

for (const { name, bounds } of [...small, ...large].filter((configuration) => configuration.name.includes(wanted))) {
  const found = explore(createProtocol(bounds), Number(cap));
  const end = found.isExhausted ? 'all' : 'the first';
  console.log(`${name}: ${end} ${found.states} states, ${found.transitions} steps, depth ${found.depth}, ${(found.elapsedMs / 1000).toFixed(1)} s`);
  if (!found.violation) continue;
  failures += 1;
  console.log(`VIOLATED: ${found.violation.claim}\n${found.violation.trace.join('\n')}`);
}

for (const { breaks, does, bounds, uncaught } of mutants.filter((mutant) => mutant.breaks.join(' ').includes(wanted))) {
  const found = explore(createProtocol(bounds, breaks), Number(cap));
  console.log(`\n${breaks.join(' and ')}: ${does} (${found.states} states, ${(found.elapsedMs / 1000).toFixed(1)} s)`);
  if (found.violation) console.log(`caught: ${found.violation.claim}\n${found.violation.trace.join('\n')}`);
  else console.log(uncaught === undefined ? 'NOT CAUGHT' : `not caught: ${uncaught}`);
  if ((found.violation === null) !== (uncaught !== undefined)) failures += 1;
}

process.exitCode = failures > 0 ? 1 : 0;
