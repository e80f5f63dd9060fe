/** The way down of a command that runs until it is told to end. */
export interface Shutdown {
  /** Has `close` run at the end, the last added first. `atOnce` must not wait: it runs where a second signal cuts the rest short. */
  add(close: () => Promise<unknown> | unknown, atOnce?: () => void): void;
  /** Whether a signal has come. */
  isAsked(): boolean;
  /** The start is over: from now on a signal ends the process. One that came before ends it now. */
  arm(): void;
  /** Runs what was added, once. Whatever fails there is told and does not keep the rest from running. */
  run(): Promise<void>;
}

/** npm passes on a Ctrl-C that the terminal has given to every process already: the two are one. */
const sameSignalMs = 100;

/** Listens to SIGTERM, SIGINT and SIGHUP. The first ends in good order with exit code 0, a second at once with 1. */
export function createShutdown(): Shutdown {
  const steps: { close: () => Promise<unknown> | unknown; atOnce: (() => void) | undefined }[] = [];
  let askedAt: number | undefined;
  let isArmed = false;
  let running: Promise<void> | undefined;

  function run(): Promise<void> {
    running ??= closeAll();
    return running;
  }

  async function closeAll(): Promise<void> {
    for (let step = steps.at(-1); step !== undefined; steps.pop(), step = steps.at(-1)) {
      try {
        await step.close();
      } catch (error) {
        process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      }
    }
  }

  const end = () => void run().then(() => process.exit(0));

  function onSignal(): void {
    if (askedAt === undefined) {
      askedAt = Date.now();
      if (isArmed) end();
    } else if (Date.now() - askedAt > sameSignalMs) {
      for (const { atOnce } of steps) atOnce?.();
      process.exit(1);
    }
  }
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, onSignal);

  return {
    add: (close, atOnce) => void steps.push({ close, atOnce }),
    isAsked: () => askedAt !== undefined,
    arm: () => {
      isArmed = true;
      if (askedAt !== undefined) end();
    },
    run,
  };
}
