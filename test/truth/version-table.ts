import type { Change, VersionState, ViolationKind, Write } from './history.js';

export type Shown = { [Field in 'slug' | 'isActive' | 'amounts']?: VersionState[Field] | undefined };
export type Complain = (kind: ViolationKind, detail: string) => void;

interface Row extends VersionState {
  /** The acknowledged write that made it. */
  write: Write | null;
  /** When an answer first showed it. */
  firstSeen: number;
}

export interface VersionTable {
  /** The highest version that anybody has been told of. */
  highest(): number;
  wrote(write: Write): void;
  /** `shown` is what the acknowledgement itself says of its version. */
  settled(write: Write, shown: Shown, complain: Complain): void;
  /** Takes down what an answer shows of a version, and complains where that contradicts what is known. */
  saw(version: number, shown: Shown, end: number, complain: Complain): void;
  /**
   * Fills in what follows from one version to the next, and complains of versions that no write explains. Stops at the first version that was
   * seen at `before` or later: its write may still be under way.
   */
  resolve(before: number, complain: Complain): void;
  /** Of versions below the first and above the highest nothing is known. */
  stateOf(version: number): VersionState;
  rowOf(version: number): { write: Write | null } | undefined;
  /** The first version that is known to have had this slug; infinite where none has shown it. */
  slugSince(slug: string): number;
  /** What became of the write that asked for this slug. */
  slugOutcome(slug: string): Write['outcome'] | undefined;
  /** A move away from a slug shows that it was had by then. */
  hadSlug(slug: string, version: number): void;
  /** How many writes without a known version began before `end`. */
  open(end: number): number;
  /**
   * Whether a write without a known version may have made one that a read from `begin` to `end` shows, above all that were acknowledged by
   * then: one that asked for such a change and had not been overtaken, longer after its beginning than any transaction of the service lasts.
   */
  mayStand(isSuch: (change: Change) => boolean, begin: number, end: number): boolean;
}

/** Every transaction of the service ends far earlier. */
const transactionMs = 30_000;

/** What each version of one product is: from acknowledgements, from what answers show, and from what a version takes over of the one before. */
export function createVersionTable(first: number, initial: VersionState): VersionTable {
  const rows = new Map<number, Row>([[first, { ...initial, amounts: [...initial.amounts], write: null, firstSeen: Number.NEGATIVE_INFINITY }]]);
  const writes: Write[] = [];
  const slugs = new Map<string, number>();
  if (initial.slug !== undefined && initial.exists) slugs.set(initial.slug, first);
  let highest = first;
  let resolved = first;
  let holes = 0;

  function row(version: number): Row {
    const known = rows.get(version);
    if (known) return known;
    const made: Row = {
      exists: version > first ? true : undefined,
      slug: undefined,
      isActive: undefined,
      amounts: initial.amounts.map(() => undefined),
      write: null,
      firstSeen: Number.POSITIVE_INFINITY,
    };
    rows.set(version, made);
    highest = Math.max(highest, version);
    return made;
  }

  const hadSlug = (slug: string, version: number) => void slugs.set(slug, Math.min(slugs.get(slug) ?? version, version));

  function put(version: number, shown: Shown, complain: Complain): void {
    const target = row(version);
    if (shown.slug !== undefined) {
      if (target.slug !== undefined && target.slug !== shown.slug) complain('mixed', `version ${version} has slug ${target.slug}, not ${shown.slug}`);
      target.slug ??= shown.slug;
      hadSlug(shown.slug, version);
    }
    if (shown.isActive !== undefined) {
      if (target.isActive !== undefined && target.isActive !== shown.isActive)
        complain('mixed', `version ${version} is ${target.isActive ? 'active' : 'archived'}, and is shown otherwise`);
      target.isActive ??= shown.isActive;
    }
    shown.amounts?.forEach((amount, variant) => {
      if (amount === undefined) return;
      const known = target.amounts[variant];
      if (known !== undefined && known !== amount) complain('mixed', `variant ${variant} costs ${known} at version ${version}, not ${amount}`);
      target.amounts[variant] ??= amount;
    });
  }

  /** What nobody acknowledged must come from the version before, or from a write whose outcome nobody knows. */
  function explainHole(version: number, hole: Row, complain: Complain): void {
    holes += 1;
    const until = hole.firstSeen;
    const before = rows.get(version - 1);
    if (holes > open(until)) {
      const isRefused = writes.some((write) => write.outcome === 'refused' && write.begin < until);
      complain(isRefused ? 'refused' : 'order', `version ${version} belongs to no write that was acknowledged or left open`);
    }
    hole.amounts.forEach((amount, variant) => {
      if (amount === undefined || before?.amounts[variant] === undefined || before.amounts[variant] === amount) return;
      const maker = writes.find(({ change }) => sets(change, variant, amount));
      if (maker?.outcome === 'refused') complain('refused', `the price ${amount} was refused and is shown at version ${version}`);
      else if (maker === undefined || maker.outcome === 'acked')
        complain(
          'mixed',
          `version ${version} shows ${amount} for variant ${variant}, which is ${maker ? `that of version ${maker.version}` : 'nobody’s'}`,
        );
      else if (maker.begin >= until) complain('future', `the price ${amount} is shown at version ${version} before its write began`);
    });
  }

  const isOpen = ({ outcome }: Write) => outcome === 'unknown' || outcome === 'pending';
  const open = (end: number) => writes.filter((write) => isOpen(write) && write.begin < end).length;

  return {
    highest: () => highest,
    wrote: (write) => void writes.push(write),
    settled(write, shown, complain) {
      if (write.outcome !== 'acked' || write.version === null) return;
      const target = row(write.version);
      if (target.write) complain('order', `version ${write.version} was acknowledged to two writes`);
      target.write = write;
      target.firstSeen = Math.min(target.firstSeen, write.end);
      put(write.version, shownBy(write.change), complain);
      put(write.version, shown, complain);
    },
    saw(version, shown, end, complain) {
      const target = row(version);
      target.firstSeen = Math.min(target.firstSeen, end);
      put(version, shown, complain);
    },
    resolve(until, complain) {
      for (; resolved < highest; resolved += 1) {
        const version = resolved + 1;
        const target = row(version);
        target.firstSeen = Math.min(target.firstSeen, seenFrom(rows, version, highest));
        if (target.firstSeen >= until) return;
        const before = rows.get(resolved);
        if (target.write === null) explainHole(version, target, complain);
        // One write made it: what none that may have been it has asked for is as it was before.
        const makers = target.write ? [target.write] : writes.filter((write) => isOpen(write) && write.begin < target.firstSeen);
        if (before?.exists) put(version, carriedOver(before, makers), complain);
      }
    },
    stateOf: (version) =>
      rows.get(version) ?? { exists: undefined, slug: undefined, isActive: undefined, amounts: initial.amounts.map(() => undefined) },
    rowOf: (version) => rows.get(version),
    slugOutcome: (slug) => writes.find(({ change }) => 'slug' in change && change.slug === slug)?.outcome,
    hadSlug,
    slugSince: (slug) => slugs.get(slug) ?? Number.POSITIVE_INFINITY,
    open,
    mayStand: (isSuch, begin, end) =>
      writes.some(
        (write) =>
          isOpen(write) &&
          write.begin < end &&
          isSuch(write.change) &&
          !writes.some((later) => later.outcome === 'acked' && later.begin > write.begin + transactionMs && later.end < begin),
      ),
  };
}

/** A version exists at the latest when one above it does. */
function seenFrom(rows: Map<number, Row>, version: number, highest: number): number {
  for (let above = version + 1; above <= highest; above += 1) {
    const seen = rows.get(above)?.firstSeen ?? Number.POSITIVE_INFINITY;
    if (seen < Number.POSITIVE_INFINITY) return seen;
  }
  return Number.POSITIVE_INFINITY;
}

function carriedOver({ slug, isActive, amounts }: VersionState, makers: readonly Write[]): Shown {
  const touches = (kind: Change['kind']) => makers.some(({ change }) => change.kind === kind);
  return {
    slug: touches('slug') ? undefined : slug,
    isActive: touches('status') ? undefined : isActive,
    amounts: amounts.map((amount, variant) =>
      makers.some(({ change }) => change.kind === 'price' && change.variant === variant) ? undefined : amount,
    ),
  };
}

function sets(change: Change, variant: number, amount: number): boolean {
  return change.kind === 'price'
    ? change.variant === variant && change.amount === amount
    : change.kind === 'create' && change.amounts[variant] === amount;
}

function shownBy(change: Change): Shown {
  if (change.kind === 'price') {
    const amounts: (number | undefined)[] = [];
    amounts[change.variant] = change.amount;
    return { amounts };
  }
  if (change.kind === 'slug') return { slug: change.slug };
  if (change.kind === 'status') return { isActive: change.isActive };
  return { slug: change.slug, isActive: true, amounts: change.amounts };
}
