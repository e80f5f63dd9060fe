import { Worker } from 'node:worker_threads';
import { bundle } from '../sabotage/bundle.js';
import type { LinkMode } from './fault-proxy.js';

/** Which of an instance's connections: those of its pool, its own session connection, Redis. */
export type LinkKind = 'pool' | 'session' | 'redis';

export type LinkOrder =
  | { call: 'open'; target: number }
  | { call: 'set'; port: number; mode: LinkMode; delayMs: number }
  | { call: 'retarget'; port: number; target: number }
  | { call: 'reset'; port: number }
  | { call: 'upstreamPorts'; port: number }
  | { call: 'touched'; port: number };

export interface Link {
  kind: LinkKind;
  /** Where the instance connects to. */
  port: number;
  set(mode: LinkMode, delayMs?: number): Promise<void>;
  retarget(target: number): Promise<void>;
  reset(): Promise<void>;
  upstreamPorts(): Promise<number[]>;
  touched(): Promise<number>;
}

export interface Links {
  open(kind: LinkKind, target: number): Promise<Link>;
  close(): Promise<void>;
}

/** Fault proxies in a thread of their own: what passes through them does not stand in line with what the run measures. */
export async function openLinks(): Promise<Links> {
  // A thread does not inherit the loader of TypeScript.
  const worker = new Worker(await bundle({ entry: 'test/truth/links-worker.ts', edits: [] }));
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let lastId = 0;
  worker.on('message', ({ id, value, error }: { id: number; value?: unknown; error?: string }) => {
    const wait = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) wait?.resolve(value);
    else wait?.reject(new Error(error));
  });
  worker.on('error', (error) => {
    for (const { reject } of waiting.values()) reject(error);
    throw error;
  });

  function ask<T>(order: LinkOrder): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const id = ++lastId;
      waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      worker.postMessage({ id, ...order });
    });
  }

  return {
    async open(kind, target) {
      const port = await ask<number>({ call: 'open', target });
      return {
        kind,
        port,
        set: (mode, delayMs = 0) => ask({ call: 'set', port, mode, delayMs }),
        retarget: (next) => ask({ call: 'retarget', port, target: next }),
        reset: () => ask({ call: 'reset', port }),
        upstreamPorts: () => ask({ call: 'upstreamPorts', port }),
        touched: () => ask({ call: 'touched', port }),
      };
    },
    close: async () => {
      await worker.terminate();
    },
  };
}
