import { Worker } from 'node:worker_threads';
import type { SpanContext } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';

type Done = Parameters<SpanExporter['export']>[1];

/** More than the queue of the SDK makes; whatever needs more ends the thread, and not the process. */
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

/** What a thread says of an error, which as an object would arrive without its code. */
interface Fault {
  message: string;
  code?: string | number | undefined;
}

/**
 * Sends spans to a collector from a thread of its own: see docs/decisions/0022-spans-leave-by-a-thread.md. It is started for the first batch. A thread
 * that ends fails the batches that it had, and those of the next `restartMs`; then another is started.
 * @param exporter what OTLPTraceExporter takes, as far as it can be passed on
 * @param onFault told where a batch is lost, which the SDK keeps to itself
 */
export function createSpanExporter(options: {
  exporter: { url: string; headers: Record<string, string>; timeoutMillis: number };
  resource: Record<string, string>;
  onFault: (error: Error) => void;
  restartMs?: number;
}): SpanExporter {
  const { onFault, restartMs = 10_000, ...workerData } = options;
  /** Batches under way. The thread bounds each of them, and the SDK how many there are. */
  const waiting = new Map<number, Done>();
  let onEmpty: (() => void)[] = [];
  let batches = 0;
  let thread: Worker | undefined;
  let ended: { fault: Fault; until: number } | undefined;

  function running(): Worker {
    if (thread) return thread;
    const started = new Worker(new URL('./export-thread.mjs', import.meta.url), { execArgv: [], resourceLimits, workerData });
    thread = started;
    // No process stays for it.
    started.unref();
    let fault: Fault = { message: 'the thread that sends traces has ended' };
    started.on('message', ({ batch, fault: of }: { batch: number; fault: Fault | undefined }) => settle(batch, of));
    started.on('error', (error: Error & { code?: string }) => {
      fault = { message: error.message, code: error.code };
    });
    started.on('exit', () => {
      thread = undefined;
      ended = { fault, until: performance.now() + restartMs };
      for (const batch of waiting.keys()) settle(batch, fault);
    });
    return started;
  }

  function settle(batch: number, fault: Fault | undefined) {
    const done = waiting.get(batch);
    if (!done) return;
    waiting.delete(batch);
    if (waiting.size === 0) {
      for (const tell of onEmpty) tell();
      onEmpty = [];
    }
    if (fault === undefined) return done({ code: ExportResultCode.SUCCESS });
    const error = toError(fault);
    onFault(error);
    done({ code: ExportResultCode.FAILED, error });
  }

  const allSettled = () => new Promise<void>((resolve) => (waiting.size === 0 ? resolve() : onEmpty.push(resolve)));

  return {
    export(spans, done) {
      batches += 1;
      const batch = batches;
      waiting.set(batch, done);
      if (ended && performance.now() < ended.until) return settle(batch, ended.fault);
      try {
        running().postMessage({ batch, spans: spans.map(plain) });
      } catch (error) {
        // There may be no thread to be had.
        settle(batch, { message: error instanceof Error ? error.message : String(error) });
      }
    },
    forceFlush: allSettled,
    async shutdown() {
      await allSettled();
      await thread?.terminate();
    },
  };
}

function toError({ message, code }: Fault): Error {
  const error = Object.assign(new Error(message), code === undefined ? {} : { code });
  // Where it was put together says nothing.
  error.stack = `Error: ${message}`;
  return error;
}

/** A span as it can be passed to another thread: without its methods, and without the resource, which is the same for all. */
function plain(span: ReadableSpan) {
  const { name, kind, parentSpanContext, startTime, endTime, duration, ended, status, attributes, links, events, instrumentationScope } = span;
  const { droppedAttributesCount, droppedEventsCount, droppedLinksCount } = span;
  return {
    ...{ name, kind, startTime, endTime, duration, ended, status, attributes, links, events, instrumentationScope },
    ...{ droppedAttributesCount, droppedEventsCount, droppedLinksCount },
    context: named(span.spanContext()),
    parentSpanContext: parentSpanContext && named(parentSpanContext),
  };
}

function named({ traceId, spanId, traceFlags, isRemote, traceState }: SpanContext) {
  return { traceId, spanId, traceFlags, isRemote, traceState: traceState?.serialize() };
}
