/** How a read was answered. The words are those of the Cache-Status header (RFC 9211), which the routes write. */
export type Outcome =
  | 'memory'
  | 'validated'
  | 'redis'
  | 'absent'
  | 'stale'
  | 'stored'
  | 'collapsed'
  | 'miss'
  | 'redis-down'
  | 'unverified'
  | 'bypass';

export function isHit(outcome: Outcome): boolean {
  return (
    outcome === 'memory' || outcome === 'validated' || outcome === 'redis' || outcome === 'absent' || outcome === 'stale' || outcome === 'unverified'
  );
}
