/** A warning that would repeat with every reconnect is said once a minute. */
export function createWarnOnce(warn: (message: string, error: Error) => void) {
  return (message: string) => {
    let saidAt = Number.NEGATIVE_INFINITY;
    return (error: Error) => {
      if (performance.now() - saidAt < 60_000) return;
      saidAt = performance.now();
      warn(message, error);
    };
  };
}

export type WarnOnce = ReturnType<typeof createWarnOnce>;
