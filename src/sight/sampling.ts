/** Decides which requests are traced. */
export interface Sampling {
  /**
   * @param isParentSampled whether the caller traces it; undefined where the caller says nothing
   * @param isDrawn whether the lot has fallen on it; drawn here unless told
   */
  isSampled(isParentSampled: boolean | undefined, isAlways: boolean, isDrawn?: boolean): boolean;
  /** How many requests the lot passes over before it falls on one: for whoever cannot afford to draw for each. */
  passes(): number;
  /** Whether a request that is not sampled, and whose caller has a trace, may carry that about: it costs as much as carrying a span. */
  mayCarry(): boolean;
}

/**
 * A caller's word counts, and so does the path. But anybody can send either, with or without a key, and a trace costs more than a request that
 * memory answers: beyond `askedPerSecond` of either it is as if nothing had been said. For the same reason the part of the others is bounded as well.
 * @param ratio part of the requests that nothing is said of
 */
export function createSampling(options: {
  ratio: number;
  askedPerSecond: number;
  drawnPerSecond: number;
  now?: () => number;
  random?: () => number;
}): Sampling {
  const { ratio, now = () => performance.now(), random = Math.random } = options;
  const hasRoomForAlways = createBound(options.askedPerSecond, now);
  const hasRoomForAsked = createBound(options.askedPerSecond, now);
  const hasRoomToCarry = createBound(options.askedPerSecond, now);
  const hasRoomForDrawn = createBound(options.drawnPerSecond, now);

  return {
    isSampled(isParentSampled, isAlways, isDrawn = random() < ratio) {
      if (isParentSampled === false && !isAlways) return false;
      if (isAlways && hasRoomForAlways()) return true;
      return (isParentSampled === true && hasRoomForAsked()) || (isDrawn && hasRoomForDrawn());
    },
    // 0 draws nobody, 1 everybody.
    passes: () => (ratio === 0 ? Number.POSITIVE_INFINITY : ratio === 1 ? 0 : Math.floor(Math.log1p(-random()) / Math.log1p(-ratio))),
    mayCarry: hasRoomToCarry,
  };
}

function createBound(perSecond: number, now: () => number): () => boolean {
  let second = Number.NaN;
  let taken = 0;
  return () => {
    const current = Math.floor(now() / 1000);
    if (current !== second) {
      second = current;
      taken = 0;
    }
    taken += 1;
    return taken <= perSecond;
  };
}
