/**
 * Keeps requests away from a Redis that does not answer. The first failure opens it, and from then on nobody waits: a probe in the
 * background, never a request, finds out when Redis is back.
 */
export interface Breaker {
  isOpen(): boolean;
  trip(): void;
  close(): void;
}

/**
 * @param probe resolves when Redis answers; it must bound its own wait
 * @param everyMs time between two probes
 * @param onStuck called after three failed probes in a row: a connection that swallows bytes looks healthy from here and wants replacing
 */
export function createBreaker(options: {
  probe: () => Promise<unknown>;
  everyMs: number;
  onStuck: () => void;
  onChange?: (isOpen: boolean) => void;
}): Breaker {
  let open = false;
  let isClosed = false;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;

  async function probe() {
    try {
      await options.probe();
      open = false;
      options.onChange?.(false);
    } catch {
      failures += 1;
      if (failures % 3 === 0) options.onStuck();
      schedule();
    }
  }
  function schedule() {
    if (isClosed) return;
    timer = setTimeout(probe, options.everyMs).unref();
  }

  return {
    isOpen: () => open,
    trip() {
      if (open) return;
      open = true;
      failures = 0;
      options.onChange?.(true);
      schedule();
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
