import type { Bounds } from './bounds.js';

/** Rules that can be broken, one each. What they stand for is in `mutants.ts`. */
export type Sabotage =
  | 'no-gen-check'
  | 'install-read-while-blocked'
  | 'hit-without-lease'
  | 'ack-before-apply'
  | 'lease-from-reply'
  | 'one-snapshot'
  | 'renew-before-join'
  | 'renew-without-row'
  | 'async-join'
  | 'async-beat'
  | 'async-reaper'
  | 'async-write'
  | 'no-wait'
  | 'commit-before-readers'
  | 'wait-without-margin'
  | 'beat-before-arm'
  | 'records-outlive-pair'
  | 'no-fence'
  | 'no-pair-check'
  | 'no-settle-wait'
  | 'settled-pair-of-the-moment'
  | 'join-of-sent-query'
  | 'release-unknown'
  | 'reapply-released'
  | 'torn-document'
  | 'release-before-commit'
  | 'memory-outlives-lapse'
  | 'epoch-outlives-lapse'
  | 'memory-outlives-pair'
  | 'early-tidying'
  | 'older-body-of-winner'
  | 'redis-trusted'
  | 'version-without-token'
  | 'log-before-delete';

export interface World {
  bounds: Bounds;
  breaks(rule: Sabotage): boolean;
}
