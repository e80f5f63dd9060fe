import type { BrokenRule } from './broken-rule.js';

const lease = 'src/cache/lease.ts';
const documents = 'src/cache/documents.ts';
const lane = 'src/cache/version-lane.ts';
const bodies = 'src/cache/document-bodies.ts';
const ports = 'test/simulation/ports.ts';

const mayInstall = 'mayInstall: (key, mark) => mark.epoch === epoch && touched(key) <= mark.sequence && isHeld() && !isBlocked(key),';

/** R1 to R3: hits, validated reads, and what may enter memory. */
export const brokenRulesOfReads: readonly BrokenRule[] = [
  {
    rule: 'R1',
    instead: 'a hit does not look whether the lease is held',
    edits: [{ file: lease, from: 'mayHit: (key, now) => isHeld(now) && !isBlocked(key),', to: 'mayHit: (key) => !isBlocked(key),' }],
  },
  {
    rule: 'R1',
    instead: 'a hit does not look whether the product that the slug leads to is blocked, and Apply leaves the entry',
    edits: [
      { file: documents, from: 'return lease.isBlocked(ref.key) ? undefined : believable(ref.key, now);', to: 'return believable(ref.key, now);' },
      { file: lease, from: 'else forget(key);', to: 'else if (!key.startsWith("id:")) forget(key);' },
    ],
  },
  {
    rule: 'R2',
    instead: 'a reader joins a version query that has been sent',
    edits: [
      {
        file: lane,
        from: 'for (let batch = line.shift(); batch; batch = line.shift()) await batch.send();',
        to: 'for (let batch = line[0]; batch; batch = line[0]) {\n await batch.send();\n line.shift();\n }',
      },
      {
        file: lane,
        from: 'if (last && last.lookups.size + lookups.length <= tuning.versionBatch) {',
        to: 'if (last && lookups.every((lookup) => last.lookups.has(lookup))) {',
      },
    ],
  },
  {
    rule: 'R2',
    instead: 'a body in memory is used at any version',
    edits: [{ file: documents, from: 'entry.version !== version.version || entry.token !== version.token || ', to: '' }],
  },
  {
    rule: 'R2',
    instead: 'a body in Redis is used at any version',
    edits: [{ file: bodies, from: 'stored === down || stored.version !== version.version || stored.token !== version.token', to: 'stored === down' }],
  },
  {
    rule: 'R2',
    instead: 'a body in Redis is used at its version, whatever its token',
    edits: [{ file: bodies, from: ' || stored.token !== version.token', to: '' }],
  },
  {
    rule: 'R2',
    instead: 'whoever joins a load uses what it brings, of whatever version it was',
    edits: [
      {
        file: bodies,
        from: 'function flightKey(version: Version): string {',
        to: 'function flightKey(version: Version): string {\n  if (version) return version.id;',
      },
      { file: documents, from: 'if (got && got.body.version < version.version) throw options.timeout();', to: '' },
    ],
  },
  {
    rule: 'R2',
    instead: 'whoever lost the fill lock uses what the winner has stored, of whatever version it is',
    edits: [
      {
        file: bodies,
        from: 'const value = usable(seen, version, sentAt);',
        to: `const value = seen && { body: { ...version, version: seen.version, token: seen.token, json: seen.body }, outcome: 'redis' as const, asOf: sentAt };`,
      },
      { file: documents, from: 'if (got && got.body.version < version.version) throw options.timeout();', to: '' },
    ],
  },
  {
    rule: 'R2',
    instead: 'version and body of a document are read by two statements',
    edits: [
      {
        file: ports,
        from: "documents: (ids) => ask('documents', () => database.documents(ids)),",
        to: `documents: async (ids) => {
          const bodies = await ask('documents', () => database.documents(ids));
          const versions = await ask('versions', () => database.documents(ids));
          return new Map([...bodies].map(([id, body]) => [id, { ...versions.get(id)!, json: body.json }]));
        },`,
      },
    ],
  },
  {
    rule: 'R3',
    instead: 'an answer is installed without a look at the generation',
    edits: [{ file: lease, from: mayInstall, to: 'mayInstall: (key) => isHeld() && !isBlocked(key),' }],
  },
  {
    rule: 'R3',
    instead: 'the generation is taken when the answer is there',
    directed: 'a question from before a commit whose answer comes after the release',
    edits: [{ file: lane, from: 'settle.resolve({ found, sentAt, mark });', to: 'settle.resolve({ found, sentAt, mark: options.mark() });' }],
  },
  {
    rule: 'R3',
    instead: 'what was read while the key is blocked is installed',
    edits: [{ file: lease, from: mayInstall, to: 'mayInstall: (key, mark) => mark.epoch === epoch && touched(key) <= mark.sequence && isHeld(),' }],
  },
  {
    rule: 'R3',
    instead: 'a release does not raise the generation',
    edits: [{ file: lease, from: 'else blockers.set(key, left);\n      stamp(key);', to: 'else blockers.set(key, left);' }],
  },
  {
    rule: 'R3',
    instead: 'an answer is installed in another epoch than it was asked in',
    directed: 'a load that outlasts a lease, with a write in between',
    edits: [
      {
        file: lease,
        from: 'mark.epoch === epoch && touched(key) <= mark.sequence && isHeld() && !isBlocked(key),',
        to: 'touched(key) <= mark.sequence && isHeld() && !isBlocked(key),',
      },
    ],
  },
];
