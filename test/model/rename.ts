import type { Emit, Model } from './checker.js';

/** `slug` numbers: 0, 1 and 2 are A, B and C. The product begins at A; writer 0 moves it to B, writer 1 to C. Keys: bit 0 the id, bits 1 to 3 the slugs. */
interface State {
  /** Of each version, from 0 on: the slug it has. The last one stands. */
  slugs: number[];
  floor: number;
  /** Per token, one a writer: its rows in `block`. */
  rows: number[];
  /** Per token: 0, or what the instance has done with it. */
  tokens: number[];
  writers: { phase: number; from: number }[];
  /** In memory: 1 + the version of the document, and per slug 0 nothing, 1 "it is this product", 2 "no product has it". */
  document: number;
  pointers: number[];
  reader: { phase: number; slug: number; floor: number; version: number; changedKeys: number };
}

const [applied, released] = [1, 2];
const [idle, decided, armed, passed, over] = [0, 1, 2, 3, 4];
const [free, asking, told] = [0, 1, 2];
const keyOfSlug = (slug: number) => 2 << slug;
const letters = ['A', 'B', 'C'];

export const renameMutants = [
  { breaks: 'no-slug-check', does: "begin_write does not look whether the product's slug is among the deleted keys" },
  { breaks: 'old-slug-unarmed', does: 'a rename does not block the slug it leaves' },
  { breaks: 'new-slug-unarmed', does: 'a rename does not block the slug it takes' },
  { breaks: 'stamp-of-id-only', does: 'R3 asks for the stamp of the id alone' },
] as const;
type RenameSabotage = (typeof renameMutants)[number]['breaks'];

/**
 * Lookups by slug, beside `protocol.ts`: a slug leads to an id or to nobody, and memory holds that apart from the document. One instance whose
 * lease never ends, two writers that rename the same product, each from the slug it has read before W1, one read by slug at a time. What a lookup
 * answers must have been true at some version since the newest one acknowledged or seen before it began.
 */
export function createRename(sabotage?: RenameSabotage): Model<State> {
  return {
    initial: () => ({
      slugs: [0],
      floor: 0,
      rows: [0, 0],
      tokens: [0, 0],
      writers: [
        { phase: idle, from: 0 },
        { phase: idle, from: 0 },
      ],
      document: 0,
      pointers: [0, 0, 0],
      reader: { phase: free, slug: 0, floor: 0, version: 0, changedKeys: 0 },
    }),
    steps(s, emit) {
      for (const w of [0, 1]) writerSteps(s, w, emit);
      for (const token of [0, 1]) tokenSteps(s, token, emit);
      for (const slug of [0, 1, 2]) readSteps(s, slug, emit);
    },
    encode,
    decode,
    describe: (s) => ({
      product: `v${s.slugs.length - 1} at ${letters[s.slugs.at(-1) ?? 0]}`,
      'not to be fallen behind': `v${s.floor}`,
      'blocked in memory': keyNames(blockedKeys(s)),
      memory: `${s.document > 0 ? `v${s.document - 1}` : 'no document'}, ${s.pointers.map((p, slug) => `${letters[slug]} ${['?', 'is it', 'is nobody'][p]}`).join(', ')}`,
    }),
  };

  function keysOf(from: number, w: number): number {
    const own = 1 | (sabotage === 'old-slug-unarmed' ? 0 : keyOfSlug(from));
    return sabotage === 'new-slug-unarmed' ? own : own | keyOfSlug(w + 1);
  }

  function writerSteps(s: State, w: number, emit: Emit<State>) {
    const from = s.writers[w] as State['writers'][number];
    const to = w + 1;
    const step = (rule: string, phase: number, change: (n: State) => void) => {
      const n = structuredClone(s);
      Object.assign(n.writers[w] as object, { phase });
      change(n);
      emit(`w${w}`, rule, n);
    };
    const current = s.slugs.at(-1) as number;
    if (from.phase === idle)
      step(`reads the product's slug: ${letters[current]}`, decided, (n) => Object.assign(n.writers[w] as object, { from: current }));
    if (from.phase === decided) {
      step(`W1 arms ${keyNames(keysOf(from.from, w))}`, armed, (n) => {
        n.rows[w] = keysOf(from.from, w);
      });
    }
    if (from.phase === armed && s.tokens[w] === applied) step('W3 is satisfied', passed, () => {});
    if (from.phase !== passed) return;
    const isCovered = ((s.rows[w] as number) & keyOfSlug(current)) !== 0 || sabotage === 'no-slug-check' || sabotage === 'old-slug-unarmed';
    if (!isCovered) step('B fails: the slug of the product is not among its keys', over, (n) => Object.assign(n.rows, { [w]: 0 }));
    else {
      // COMMIT and W6 in one: a read between them is bound by what was seen alone, which the search has as well.
      step(`B: COMMIT at ${letters[to]}, W6 acknowledges`, over, (n) => {
        n.slugs.push(to);
        n.rows[w] = 0;
        n.floor = n.slugs.length - 1;
      });
    }
  }

  function tokenSteps(s: State, token: number, emit: Emit<State>) {
    const from = s.writers[token] as State['writers'][number];
    const keys = keysOf(from.from, token);
    if (s.tokens[token] === 0 && (s.rows[token] as number) !== 0) {
      const n = structuredClone(s);
      n.tokens[token] = applied;
      if (keys & 1) n.document = 0;
      n.pointers = n.pointers.map((pointer, slug) => (keys & keyOfSlug(slug) ? 0 : pointer));
      n.reader.changedKeys |= keys;
      emit('i0', `Apply token ${'ab'[token]}: ${keyNames(keys)}, then ack`, n);
    }
    if (s.tokens[token] === applied && from.phase === over) {
      const n = structuredClone(s);
      n.tokens[token] = released;
      n.reader.changedKeys |= keys;
      emit('i0', `Release token ${'ab'[token]}`, n);
    }
  }

  /** The keys that are blocked in memory. */
  function blockedKeys(s: State): number {
    return s.tokens.reduce((keys, state, t) => (state === applied ? keys | keysOf(s.writers[t]?.from ?? 0, t) : keys), 0);
  }

  function readSteps(s: State, slug: number, emit: Emit<State>) {
    const { reader } = s;
    const blocked = blockedKeys(s);
    const pointer = s.pointers[slug];
    if (pointer === 2 && !(blocked & keyOfSlug(slug))) answer(s, slug, null, s.floor, 'R1 hits', emit);
    else if (pointer === 1 && s.document > 0 && !(blocked & (1 | keyOfSlug(slug)))) answer(s, slug, s.document - 1, s.floor, 'R1 hits', emit);
    else if (reader.phase === free) {
      const n = structuredClone(s);
      n.reader = { phase: asking, slug, floor: s.floor, version: 0, changedKeys: 0 };
      emit('i0', `read of ${letters[slug]} begins`, n);
    }
    if (reader.phase === asking && reader.slug === slug) {
      const n = structuredClone(s);
      Object.assign(n.reader, { phase: told, version: s.slugs.length - 1 });
      emit('i0', `version query of ${letters[slug]} takes its snapshot`, n);
    }
    if (reader.phase === told && reader.slug === slug) {
      const n = structuredClone(s);
      const isFound = s.slugs[reader.version] === slug;
      const keys = (isFound ? 1 : 0) | (sabotage === 'stamp-of-id-only' ? 0 : keyOfSlug(slug));
      if (!(keys & (reader.changedKeys | blocked))) {
        n.pointers[slug] = isFound ? 1 : 2;
        if (isFound) n.document = reader.version + 1;
      }
      n.reader = { phase: free, slug: 0, floor: 0, version: 0, changedKeys: 0 };
      answer(n, slug, isFound ? reader.version : null, reader.floor, 'R2 answers', emit);
    }
  }
}

/** Judges an answer: true at which version, and was that not before the floor? `found` is the version of the document, or null for nobody. */
function answer(s: State, slug: number, found: number | null, floor: number, how: string, emit: Emit<State>) {
  const trueAt = s.slugs.findIndex((at, v) => v >= floor && (found === null ? at !== slug : v === found && at === slug));
  const said = found === null ? `${letters[slug]} is nobody` : `${letters[slug]} is v${found}`;
  const n = structuredClone(s);
  n.floor = Math.max(s.floor, trueAt);
  emit('i0', `${how} ${said}`, n, trueAt < 0 ? `a read is told that ${said} although that was not so at v${floor} or later` : undefined);
}

const keyNames = (keys: number) => `{${['id', ...letters].filter((_, i) => keys & (1 << i)).join(' ')}}`;

function encode(s: State, b: Uint8Array, start: number): number {
  const { reader } = s;
  const fields = [
    s.slugs.length,
    s.slugs[1] ?? 0,
    s.slugs[2] ?? 0,
    s.floor,
    ...s.rows,
    ...s.tokens,
    ...s.writers.flatMap((w) => [w.phase, w.from]),
    s.document,
    ...s.pointers,
    reader.phase,
    reader.slug,
    reader.floor,
    reader.version,
    reader.changedKeys,
  ];
  b.set(fields, start);
  return start + fields.length;
}

function decode(b: Uint8Array, start: number): State {
  const f = (i: number) => b[start + i] as number;
  return {
    slugs: [0, f(1), f(2)].slice(0, f(0)),
    floor: f(3),
    rows: [f(4), f(5)],
    tokens: [f(6), f(7)],
    writers: [
      { phase: f(8), from: f(9) },
      { phase: f(10), from: f(11) },
    ],
    document: f(12),
    pointers: [f(13), f(14), f(15)],
    reader: { phase: f(16), slug: f(17), floor: f(18), version: f(19), changedKeys: f(20) },
  };
}
