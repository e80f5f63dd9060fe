/** Decides which requests are traced. */
export interface Sampling {
  /** @param isParentSampled whether the caller traces it; undefined where the caller says nothing */
  isSampled(isParentSampled: boolean | undefined, isAlways: boolean): boolean;
}

/**
 * A caller's word counts, but whoever knows the format can ask for every request to be traced, which costs more than the request: beyond
 * `callersPerSecond` it counts as one that says nothing.
 * @param ratio part of the requests whose caller says nothing
 */
export function createSampling(options: { ratio: number; callersPerSecond: number; now?: () => number; random?: () => number }): Sampling {
  const { ratio, callersPerSecond, now = () => performance.now(), random = Math.random } = options;
  let second = Number.NaN;
  let taken = 0;

  function hasRoom(): boolean {
    const current = Math.floor(now() / 1000);
    if (current !== second) {
      second = current;
      taken = 0;
    }
    taken += 1;
    return taken <= callersPerSecond;
  }

  return {
    isSampled(isParentSampled, isAlways) {
      if (isAlways) return true;
      if (isParentSampled === undefined) return random() < ratio;
      if (!isParentSampled) return false;
      return hasRoom() || random() < ratio;
    },
  };
}
