import { evidence } from './evidence.js';
import type { Fault } from './fault-log.js';
import type { Violation, ViolationKind } from './history.js';
import type { Shop } from './shop.js';
import { writeGiveUpMs } from './writers.js';

export interface Judge {
  violations: Map<ViolationKind, number>;
  /** Around the first violations, one list of lines each. */
  evidence: string[][];
  onViolation(violation: Violation): void;
  /** Judges the histories of a shop from now on, some time after they happen. */
  follow(shop: Shop): void;
  /** Judges what is left, when nothing is under way any more. */
  finish(): void;
}

/** No read and no write overlaps with another for longer. */
const judgeAfterMs = 12_000;
const settledAfterMs = writeGiveUpMs + 500;
const everyMs = 1_000;
const evidenceAtMost = 4;

export function createJudge(faults: () => readonly Fault[]): Judge {
  let shop: Shop | undefined;
  let timer: NodeJS.Timeout | undefined;
  const judge: Judge = {
    violations: new Map(),
    evidence: [],
    onViolation(violation) {
      judge.violations.set(violation.kind, (judge.violations.get(violation.kind) ?? 0) + 1);
      if (judge.evidence.length >= evidenceAtMost) return;
      const product = [...(shop?.all() ?? [])].find(({ name }) => name === violation.product);
      judge.evidence.push(evidence(violation, product?.history.recent() ?? [], faults()));
    },
    follow(followed) {
      shop = followed;
      timer = setInterval(() => {
        const now = performance.now();
        for (const { history } of followed.all()) history.judge(now - judgeAfterMs, now - settledAfterMs);
      }, everyMs);
    },
    finish() {
      clearInterval(timer);
      for (const { history } of shop?.all() ?? []) history.judge(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    },
  };
  return judge;
}
