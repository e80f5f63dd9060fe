import { spawn } from 'node:child_process';
import { type ProcessSample, sampleProcess } from './process-sample.js';

/** What the harness orders over the IPC channel. Durations in ms. */
export type Order =
  | { order: 'arm'; point: string; action: FailAction; ms: number }
  | { order: 'disarm' }
  | { order: 'step-clock'; ms: number }
  | { order: 'stall'; ms: number }
  | { order: 'sample' };
export type FailAction = 'kill' | 'stop' | 'pause';
/** What the instance tells. */
export type Told = { told: 'listening' } | { told: 'hit'; point: string } | { told: 'sample'; sample: ProcessSample };

declare global {
  var truetagFailPoint: ((name: string) => Promise<void> | undefined) | undefined;
}

/**
 * Gives the harness a hold on this process from inside: fail-points, the wall clock, the event loop. Timers and the monotonic clock are left
 * alone. An armed point fires once.
 */
export function obeyHarness(): { tell(told: Told): void } {
  const clock = installClock();
  const tell = (told: Told) => void process.send?.(told);
  let armed: Extract<Order, { order: 'arm' }> | null = null;

  globalThis.truetagFailPoint = (name) => {
    if (armed?.point !== name) return undefined;
    const { action, ms } = armed;
    armed = null;
    tell({ told: 'hit', point: name });
    if (action === 'pause') return new Promise((resolve) => setTimeout(resolve, ms));
    if (action === 'kill') process.kill(process.pid, 'SIGKILL');
    else stopSelf(ms);
    return undefined;
  };

  process.on('message', (message: Order) => {
    if (message.order === 'arm') armed = message;
    if (message.order === 'disarm') armed = null;
    if (message.order === 'step-clock') clock.step(message.ms);
    if (message.order === 'stall') stall(message.ms);
    if (message.order === 'sample') tell({ told: 'sample', sample: sampleProcess() });
  });
  // Whoever ordered us about is gone: nobody would end this process.
  process.on('disconnect', () => process.exit(1));
  return { tell };
}

/** A stopped process cannot wake itself, and whoever should may have died: the shell that will is started first. */
function stopSelf(ms: number): void {
  const waker = spawn('/bin/sh', ['-c', `sleep ${ms / 1000}; kill -CONT ${process.pid}`], { detached: true, stdio: 'ignore' });
  waker.unref();
  process.kill(process.pid, 'SIGSTOP');
}

function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function installClock(): { step(ms: number): void } {
  const real = Date;
  let offset = 0;
  const now = () => real.now() + offset;
  globalThis.Date = new Proxy(real, {
    construct: (target, values, called) => Reflect.construct(target, values.length === 0 ? [now()] : values, called),
    apply: () => new real(now()).toString(),
    get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  });
  return {
    step: (ms) => {
      offset += ms;
    },
  };
}
