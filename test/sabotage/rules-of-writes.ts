import type { BrokenRule } from './broken-rule.js';

const writer = 'src/cache/document-writer.ts';
const registry = 'src/cache/registry.ts';
const transaction = 'test/simulation/transaction.ts';
const ports = 'test/simulation/ports.ts';

/** W1 to W7. */
export const brokenRulesOfWrites: readonly BrokenRule[] = [
  {
    rule: 'W3',
    instead: 'a new database is believed at once',
    edits: [{ file: registry, from: 'return isSettled ? 0 : Math.max(0, knownSince + settleMs - clock.now());', to: 'return 0;' }],
    directed: 'a failover that loses a process',
  },
  {
    rule: 'W3',
    instead: 'a new database counts as settled because the one before was',
    edits: [{ file: registry, from: 'knownSince = now;\n        isSettled = false;', to: 'knownSince = now;' }],
    directed: 'a failover that loses a process',
  },
  {
    rule: 'W4',
    instead: 'end_write does not look whether it is the database that took the blocks',
    edits: [{ file: transaction, from: 'if (database.pair() !== pair) {', to: 'if (pair === "") {' }],
    directed: 'a failover that loses what the reaper did',
  },
  {
    rule: 'W4',
    instead: 'begin_write does not look at the slugs that the products have by now',
    edits: [{ file: transaction, from: 'if (!keys.includes(`slug:', to: 'if (((lookup: string) => lookup === "")(`slug:' }],
    directed: 'a rename between the blocks of a write and its commit',
  },
  {
    rule: 'W7',
    instead: 'the search for an outcome does not wait for a transaction that is still running',
    directed: 'a connection that is lost while COMMIT waits for the disk',
    edits: [
      {
        file: ports,
        from: 'database.locks.take(\n        owner,',
        to: '((_o: object, _n: string, _w: number, got: () => void) => got())(\n        owner,',
      },
    ],
  },
  {
    rule: 'W2',
    instead: 'the registry is read before the blocks are armed',
    directed: 'a process that joins while a block is armed',
    edits: [
      {
        file: writer,
        from: 'const pair = planned.armed?.pair ?? (await steps.arm(token, keys, options.process));',
        to: 'const look = await steps.registry();\n      const pair = planned.armed?.pair ?? (await steps.arm(token, keys, options.process));',
      },
      {
        file: writer,
        from: 'const look = planned.armed?.look ?? (await steps.registry());\n      registry.observe(look);',
        to: 'registry.observe(look);',
      },
    ],
  },
  {
    rule: 'W3',
    instead: 'nobody is waited for',
    edits: [{ file: writer, from: 'await waitForReaders(token, look, armedAt);', to: 'void waitForReaders;' }],
  },
  {
    rule: 'W3',
    instead: 'a transaction that was begun early does not wait for the readers before it commits',
    edits: [
      {
        file: transaction,
        from: '() => Promise.race([passed, late()])',
        to: 'async () => late !== undefined',
      },
    ],
  },
  {
    rule: 'W3',
    instead: 'a reader is waited for a third of its lease',
    edits: [
      {
        file: writer,
        from: 'passAt = Math.max(passAt, Math.min(since, armedAt) + longest);',
        to: 'passAt = Math.max(passAt, Math.min(since, armedAt) + longest / 3);',
      },
    ],
  },
  {
    rule: 'W3',
    instead: 'a beat counts as stale since it was seen, whatever it is now',
    edits: [
      {
        file: registry,
        from: 'seen.set(id, known?.beat === beat ? known : { beat, since: now });',
        to: 'seen.set(id, { beat, since: known?.since ?? now });',
      },
    ],
  },
  {
    rule: 'W4',
    instead: 'begin_write does not count the blocks it takes away, and believes the writer what they were',
    edits: [
      {
        file: transaction,
        from: 'if (keys.length !== keyCount) {',
        to: 'if (keys.length === 0) keys = [...(database.armed.get(token) ?? [])];\n        if (keyCount < 0) {',
      },
      {
        file: ports,
        from: 'const told = fitsNotice()',
        to: 'database.armed = (database.armed ?? new Map()).set(token, keys);\n        const told = fitsNotice()',
      },
    ],
    directed: 'a writer that comes back after the reaper',
  },
  {
    rule: 'W6',
    instead: 'a write is acknowledged when COMMIT is sent',
    edits: [
      { file: transaction, from: "await wire.ask<null>(connection, 'commit',", to: "void wire.ask<null>(connection, 'commit'," },
      {
        file: transaction,
        from: '    return { isKnown: true, ...commit };',
        to: '    return await new Promise((resolve) => machine.clock.after(0.01, () => resolve({ ...commit, isKnown: true })));',
      },
    ],
  },
  {
    rule: 'W7',
    instead: 'an unknown outcome counts as success',
    edits: [{ file: writer, from: 'if (!done.isKnown) await findOutcome(token);', to: 'void findOutcome;' }],
  },
  {
    rule: 'W7',
    instead: 'a write whose outcome is unknown counts as refused',
    edits: [{ file: writer, from: 'isCommitted = await steps.findOutcome(token);', to: 'isCommitted = false;' }],
  },
];
