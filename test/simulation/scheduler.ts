/** Virtual time, and what happens when. */
export interface Scheduler {
  /** Milliseconds of true time, which no process sees. */
  now(): number;
  /** Runs `run` after `ms`; events of one moment run in the order in which they were asked for. The returned function calls it off. */
  after(ms: number, run: () => void): () => void;
  /** Runs events, and after each one all promises that it settles, until there is none before `end`, or it is over. */
  runUntil(end: number, isOver?: () => boolean): void;
}

interface Event {
  at: number;
  order: number;
  run: (() => void) | null;
}

const { _tickCallback: settlePromises } = process as unknown as { _tickCallback: () => void };

/**
 * Time stands still while an event runs. Promises are settled between two events without a turn of the real event loop, which would cost more
 * than the event; so this works from a callback of that loop, and not from within a promise.
 */
export function createScheduler(): Scheduler {
  const heap: Event[] = [];
  let now = 0;
  let order = 0;

  const isBefore = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.order < b.order);

  function push(event: Event) {
    let i = heap.length;
    heap.push(event);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(event, heap[parent] as Event)) break;
      heap[i] = heap[parent] as Event;
      i = parent;
    }
    heap[i] = event;
  }

  function pop(): Event | undefined {
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[i] = heap[child] as Event;
      i = child;
    }
    heap[i] = last;
    return top;
  }

  return {
    now: () => now,
    after(ms, run) {
      const event: Event = { at: now + Math.max(0, ms), order: ++order, run };
      push(event);
      return () => {
        event.run = null;
      };
    },
    runUntil(end, isOver = () => false) {
      let isSettled = false;
      void Promise.resolve().then(() => {
        isSettled = true;
      });
      settlePromises();
      if (!isSettled) throw new Error('a simulation cannot run inside of a promise: begin it with setImmediate');
      for (let top = heap[0]; top && top.at <= end && !isOver(); top = heap[0]) {
        pop();
        now = top.at;
        if (!top.run) continue;
        top.run();
        settlePromises();
      }
      if (!isOver()) now = end;
    },
  };
}
