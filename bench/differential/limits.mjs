/**
 * Milliseconds. `ttlMs` is how long the libraries keep a price: short, so that its end can be waited for. Truetag keeps its own and is watched for
 * as long.
 */
export const limits = {
  ttlMs: 6_000,
  beyondMs: 1_500,
  warmWithinMs: 1_000,
  readWithinMs: 3_000,
  writeWithinMs: 2_000,
  lateWithinMs: 4_000,
  reconnectWithinMs: 2_000,
  joinMs: 300,
  quietMs: 1_200,
};
