import { Worker } from 'node:worker_threads';
import type { SpanContext } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';

type Done = Parameters<SpanExporter['export']>[1];

/** More than the queue of the SDK makes; whatever needs more ends the thread, and not the process. */
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

/**
 * Sends spans to a collector from a thread of its own: see docs/decisions/0022-spans-leave-by-a-thread.md. A thread that ends fails the batches
 * that it had, and the next batch starts another.
 * @param exporter what OTLPTraceExporter takes, as far as it can be passed on
 * @param onFault told where a batch is lost, which the SDK keeps to itself
 */
export function createSpanExporter(options: {
  exporter: { url: string; headers: Record<string, string>; timeoutMillis: number };
  resource: Record<string, string>;
  onFault: (error: Error) => void;
}): SpanExporter {
  const { onFault, ...workerData } = options;
  /** Batches under way. The thread bounds each of them, and the SDK how many there are. */
  const waiting = new Map<number, Done>();
  let batches = 0;
  let thread: Worker | undefined = start();

  function start(): Worker {
    const started = new Worker(new URL('./export-thread.mjs', import.meta.url), { execArgv: [], resourceLimits, workerData });
    // No process stays for it.
    started.unref();
    let reason = 'the thread that sends traces has ended';
    started.on('message', ({ batch, fault }: { batch: number; fault: string | undefined }) => settle(batch, fault));
    started.on('error', (error) => {
      reason = error.message;
    });
    started.on('exit', () => {
      if (thread === started) thread = undefined;
      for (const batch of waiting.keys()) settle(batch, reason);
    });
    return started;
  }

  function settle(batch: number, fault: string | undefined) {
    const done = waiting.get(batch);
    if (!done) return;
    waiting.delete(batch);
    if (fault === undefined) return done({ code: ExportResultCode.SUCCESS });
    const error = new Error(fault);
    onFault(error);
    done({ code: ExportResultCode.FAILED, error });
  }

  return {
    export(spans, done) {
      batches += 1;
      waiting.set(batches, done);
      thread ??= start();
      thread.postMessage({ batch: batches, spans: spans.map(plain) });
    },
    async forceFlush() {},
    async shutdown() {
      await thread?.terminate();
    },
  };
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
