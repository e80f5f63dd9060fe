// The thread behind span-exporter.ts: takes batches of spans and sends them to a collector. Plain JavaScript, because a thread starts without a
// loader.
import { parentPort, workerData } from 'node:worker_threads';
import { TraceState } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';

const exporter = new OTLPTraceExporter(workerData.exporter);
const resource = resourceFromAttributes(workerData.resource);

parentPort.on('message', ({ batch, spans }) => {
  exporter.export(spans.map(revived), ({ error }) => parentPort.postMessage({ batch, fault: error && faultOf(error) }));
});

function revived({ context: { traceState, ...context }, ...span }) {
  const whole = traceState === undefined ? context : { ...context, traceState: new TraceState(traceState) };
  return { ...span, resource, spanContext: () => whole };
}

/** A name with several addresses fails with one error for each, and says nothing itself. */
function faultOf({ message, code, errors = [] }) {
  return { code, message: message || errors.map((one) => one.message).join('; ') };
}
