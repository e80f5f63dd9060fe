/** Decides which requests are traced. */
export interface Sampling {
  /** @param isParentSampled whether the caller traces it; undefined where the caller says nothing */
  isSampled(isParentSampled: boolean | undefined, isAlways: boolean): boolean;
}

/**
 * A caller's word counts, and so does the path. But anybody can send either, with or without a key, and a trace costs more than the request:
 * beyond `askedPerSecond` it is as if nothing had been said.
 * @param ratio part of the requests that nothing is said of
 */
export function createSampling(options: { ratio: number; askedPerSecond: number; now?: () => number; random?: () => number }): Sampling {
  const { ratio, askedPerSecond, now = () => performance.now(), random = Math.random } = options;
  let second = Number.NaN;
  let taken = 0;

  function hasRoom(): boolean {
    const current = Math.floor(now() / 1000);
    if (current !== second) {
      second = current;
      taken = 0;
    }
    taken += 1;
    return taken <= askedPerSecond;
  }

  return {
    isSampled(isParentSampled, isAlways) {
      if (isParentSampled === false && !isAlways) return false;
      const isAskedFor = isAlways || isParentSampled === true;
      return (isAskedFor && hasRoom()) || random() < ratio;
    },
  };
}
