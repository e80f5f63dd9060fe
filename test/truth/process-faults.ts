import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultContext, FaultKind } from './fault-context.js';
import type { Slot } from './fleet.js';
import type { FailAction } from './instance-control.js';

const hour = 3_600_000;

/** Faults of the server processes themselves. */
export const processFaults: Record<string, FaultKind> = {
  'process-stopped': onResident((slot, { random }) => {
    // Longer than a lease: whatever it held has run out when it goes on.
    const ms = random.int(2_300, 4_000);
    return {
      how: `${ms} ms`,
      async run() {
        slot.stop(ms);
        await sleep(ms);
        return true;
      },
    };
  }),
  'process-killed': onResident((slot, { random }) => {
    const ms = random.int(100, 2_000);
    return {
      how: `back after ${ms} ms`,
      async run() {
        await slot.kill();
        await sleep(ms);
        await slot.join();
        return true;
      },
    };
  }),
  'process-left': onResident((slot, { random }) => {
    const ms = random.int(100, 1_500);
    return {
      how: `back after ${ms} ms`,
      async run() {
        await slot.leave();
        await sleep(ms);
        await slot.join();
        return true;
      },
    };
  }),
  'guest-joined': ({ guests, random }) => {
    const slot = guests.find((guest) => !guest.isUp());
    const ms = random.int(3_000, 8_000);
    return slot
      ? {
          on: `${slot.name}, ${ms} ms`,
          holds: `process ${slot.name}`,
          async run() {
            await slot.join();
            await sleep(ms);
            await (random.chance(0.5) ? slot.leave() : slot.kill());
            return true;
          },
        }
      : null;
  },
  'event-loop-stalled': onResident((slot, { random }) => {
    const ms = random.int(300, 2_500);
    return {
      how: `${ms} ms`,
      async run() {
        slot.stall(ms);
        await sleep(ms);
        return true;
      },
    };
  }),
  'clock-stepped': onResident((slot, { random }) => {
    const step = random.int(2_000, 24 * hour) * (random.chance(0.5) ? 1 : -1);
    return {
      how: `${step} ms`,
      async run() {
        slot.stepClock(step);
        await sleep(random.int(1_500, 3_500));
        slot.stepClock(-step);
        return true;
      },
    };
  }),
  'fail-point-kill': onFailPoint('kill'),
  'fail-point-stop': onFailPoint('stop'),
  'fail-point-pause': onFailPoint('pause'),
};

const reachedWithinMs = 2_500;

function onFailPoint(action: FailAction): FaultKind {
  return (context) => {
    const { failPoints, random } = context;
    if (failPoints.length === 0) return null;
    const point = random.pick(failPoints);
    const ms = action === 'pause' ? random.int(200, 2_500) : random.int(2_300, 4_000);
    const kind = onResident((slot) => ({
      how: action === 'kill' ? '' : `${ms} ms`,
      async run() {
        const isReached = await slot.failAt(point, action, ms, reachedWithinMs);
        if (action === 'kill' && isReached) {
          await sleep(random.int(100, 1_500));
          await slot.join();
        } else if (isReached) await sleep(ms);
        return isReached;
      },
    }));
    const drawn = kind(context);
    return drawn && { ...drawn, point };
  };
}

function onResident(make: (slot: Slot, context: FaultContext) => { how: string; run(): Promise<boolean> }): FaultKind {
  return (context) => {
    const slot = context.random.pick(context.residents);
    const { how, run } = make(slot, context);
    return { on: `${slot.name} ${how}`.trim(), holds: `process ${slot.name}`, run };
  };
}
