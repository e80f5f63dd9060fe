import type { BrokenRule } from './broken-rule.js';

const lease = 'src/cache/lease.ts';
const keeper = 'src/cache/lease-keeper.ts';
const writer = 'src/cache/document-writer.ts';
const ports = 'test/simulation/ports.ts';

/** Joining, renewing, and blocks: J, N, Apply, the registry and the reaper. */
export const brokenRulesOfLeases: readonly BrokenRule[] = [
  {
    rule: 'Apply',
    instead: 'the ack goes out before the block stands',
    edits: [
      {
        file: keeper,
        from: 'lease.apply(token, keys);\n',
        to: '',
      },
      {
        file: keeper,
        from: 'if (held && state.instance !== null) await held.ack(writer, token, state.instance);',
        to: 'if (held && state.instance !== null) await held.ack(writer, token, state.instance);\n      lease.apply(token, keys);',
      },
    ],
  },
  {
    rule: 'Apply',
    instead: 'a block leaves the entries in memory, to be hit when it is gone',
    edits: [{ file: lease, from: 'else forget(key);', to: '' }],
  },
  {
    rule: 'Apply',
    instead: 'a block does not keep from hits',
    edits: [{ file: lease, from: "blockers.size > 0 && (blockers.has(key) || blockers.has('*'));", to: 'false && blockers.has(key);' }],
  },
  {
    rule: 'Apply',
    instead: 'the writer applies its own block before the first transaction has answered, and a renewal may release it',
    directed: 'a renewal while the own block is under way',
    edits: [
      {
        file: writer,
        from: 'const pair = planned.armed?.pair ?? (await steps.arm(token, keys, options.process));',
        to: 'lease?.apply(token, keys, true);\n      const pair = planned.armed?.pair ?? (await steps.arm(token, keys, options.process));',
      },
      { file: writer, from: 'armedTime = time();\n', to: 'armedTime = time();\n if (false)\n' },
      { file: lease, from: 'if (!block.isOwn && block.order', to: 'if (block.order' },
    ],
  },
  {
    rule: 'Apply',
    instead: 'the writer does not apply its own block',
    edits: [{ file: writer, from: 'lease?.apply(token, keys, true);', to: '' }],
  },
  {
    rule: 'Apply',
    instead: 'the writer puts its document into memory though the keys were touched meanwhile',
    directed: 'another write while the answer to COMMIT is under way',
    edits: [
      {
        file: lease,
        from: 'const isUntouched = block.mark.epoch === epoch && isHeld() && block.keys.every((key) => touched(key) <= block.mark.sequence);',
        to: 'const isUntouched = isHeld();',
      },
    ],
  },
  {
    rule: 'R1, Apply',
    instead: 'a block of everything blocks nothing',
    edits: [{ file: lease, from: "(blockers.has(key) || blockers.has('*'));", to: 'blockers.has(key);' }],
  },
  {
    rule: 'R3, Apply',
    instead: 'a block of everything leaves what was read before it to be installed',
    edits: [
      { file: lease, from: "if (key === '*') epoch += 1;", to: "if (key === '*') {}" },
      { file: lease, from: ", stamps.get('*') ?? 0);", to: ');' },
    ],
  },
  {
    rule: 'J2, J3',
    instead: 'a lease is taken before the row of the registry is committed',
    edits: [
      {
        file: keeper,
        from: 'await held.join(instance, leaseMs);',
        to: 'if (lease) lease.renewed(lease.begin(), await held.look());\n    await held.join(instance, leaseMs);',
      },
    ],
    directed: 'a process whose row is not committed yet',
  },
  {
    rule: 'J2, N2a',
    instead: 'neither row nor beat is on disk when the renewal goes on',
    edits: [
      {
        file: ports,
        from: 'database.commit(true, () => {\n            instances.set(id, { beat: 0, leaseMs });',
        to: 'database.commit(false, () => {\n            instances.set(id, { beat: 0, leaseMs });',
      },
      {
        file: ports,
        from: 'database.commit(true, () => {\n            instances.set(id, { ...row, beat });',
        to: 'database.commit(false, () => {\n            instances.set(id, { ...row, beat });',
      },
    ],
    directed: 'a crash after a process has joined',
  },
  {
    rule: 'N2a',
    instead: 'a beat is not on disk when the renewal goes on',
    edits: [
      {
        file: ports,
        from: 'database.commit(true, () => {\n            instances.set(id, { ...row, beat });',
        to: 'database.commit(false, () => {\n            instances.set(id, { ...row, beat });',
      },
    ],
    directed: 'a crash after a process has come back to life',
  },
  {
    rule: 'Reaper',
    instead: 'the release of the reaper is sent before the deletion is on disk',
    edits: [
      {
        file: ports,
        from: 'database.commit(true, () => {\n              blocks.delete(token);',
        to: 'database.commit(false, () => {\n              blocks.delete(token);',
      },
      {
        file: ports,
        from: 'database.commit(true, () => {\n            instances.set(id, { ...row, beat });',
        to: 'database.commit(false, () => {\n            instances.set(id, { ...row, beat });',
      },
    ],
    directed: 'a crash after the reaper',
  },
  {
    rule: 'Registry',
    instead: 'a row is deleted whatever its beat is by now',
    edits: [{ file: ports, from: 'instances.get(id)?.beat === beat && remove(id)', to: 'remove(id)' }],
    directed: 'a process that comes back while it is being forgotten',
  },
  {
    rule: 'N1, N6',
    instead: 'nobody looks whether more time has passed on the wall',
    edits: [{ file: lease, from: 'now < leaseUntil && clock.wall() < wallUntil;', to: 'now < leaseUntil;' }],
    directed: 'a machine that sleeps',
  },
  {
    rule: 'N4',
    instead: 'a token that was released is applied again',
    edits: [{ file: lease, from: 'if (known || released.has(token)) return;', to: 'if (known) return;' }],
    directed: 'a notice that is overtaken by the release',
  },
  {
    rule: 'Join',
    instead: 'a process that leaves takes one more lease',
    edits: [{ file: lease, from: 'if (isDropped) return applied;', to: '' }],
    directed: 'a process that leaves while a renewal is under way',
  },
  {
    rule: 'N1, N6',
    instead: 'the lease is counted from the reply',
    directed: 'a reply that is late, behind a snapshot from before the block',
    edits: [
      { file: lease, from: 'leaseUntil = sentAt + leaseMs;', to: 'leaseUntil = clock.now() + leaseMs;' },
      { file: lease, from: 'wallUntil = wallAt + leaseMs;', to: 'wallUntil = clock.wall() + leaseMs;' },
    ],
  },
  {
    rule: 'N2',
    instead: 'beat and look are sent together, the look first',
    directed: 'a beat that is under way while a block is armed',
    edits: [
      {
        file: keeper,
        from: 'if (!(await held.beat(instance, beat))) return false;\n    }',
        to: 'early = held.look();\n      early.catch(() => {});\n      if (!(await held.beat(instance, beat))) return false;\n    }',
      },
      { file: keeper, from: 'const beginning = lease?.begin();', to: 'const beginning = lease?.begin();\n    let early: Promise<Look> | undefined;' },
      { file: keeper, from: 'const look = await held.look();', to: 'const look = await (early ?? held.look());' },
    ],
  },
  {
    rule: 'N2a',
    instead: 'a beat that found no row is good enough',
    directed: 'a process that the registry has forgotten',
    edits: [{ file: keeper, from: 'if (!(await held.beat(instance, beat))) return false;', to: 'await held.beat(instance, beat);' }],
  },
  {
    rule: 'N3',
    instead: 'a renewal does not apply the blocks it returns',
    edits: [{ file: lease, from: 'if (tokens.has(token) || released.has(token)) continue;', to: 'continue;' }],
  },
  {
    rule: 'N4',
    instead: 'a renewal releases whatever it does not return',
    directed: 'a notice that arrives while a renewal is under way',
    edits: [
      {
        file: lease,
        from: 'if (!block.isOwn && block.order <= knownBefore && !standing.has(token)) free(token, block);',
        to: 'if (!block.isOwn && knownBefore >= 0 && !standing.has(token)) free(token, block);',
      },
    ],
  },
  {
    rule: 'N5',
    instead: 'what was in memory before the lease lapsed is believed after it',
    directed: 'a lease that lapses, with a write in between',
    edits: [{ file: lease, from: 'if (!isHeld() || pair !== look.pair) epoch += 1;', to: 'if (pair !== look.pair) epoch += 1;' }],
  },
];
