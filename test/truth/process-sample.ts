import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What a process holds once everything has been collected that can be. Sizes in bytes. */
export interface ProcessSample {
  heap: number;
  rss: number;
  /** Sockets, timers and requests that keep the event loop alive. */
  resources: number;
  /** Open files and connections; 0 where the system does not tell. */
  files: number;
  listeners: number;
  /** What Node has warned of, an emitter with too many listeners first of all. */
  warnings: number;
}

let collect: (() => void) | undefined;
let warnings = 0;
process.on('warning', () => {
  warnings += 1;
});

export function sampleProcess(): ProcessSample {
  if (collect === undefined) {
    // The process is started as it is served, without a flag; the collector is fetched from inside.
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  // What a first collection finalises, a second one frees.
  collect();
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  return {
    heap: heapUsed,
    rss,
    resources: process.getActiveResourcesInfo().length,
    files: openFiles(),
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    warnings,
  };
}

function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
