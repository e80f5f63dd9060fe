import { parser } from '@prometheus-io/lezer-promql';

/** The names of the metrics that an expression reads. Throws an Error where it is no PromQL. */
export function metricsOf(expression: string): string[] {
  // Grafana puts a duration in its place.
  const text = expression.replaceAll('$__rate_interval', '5m');
  const names = new Set<string>();
  parser.parse(text).iterate({
    enter({ type, from, to, node }) {
      if (type.isError) throw new Error(`no PromQL at ${from}: ${expression}`);
      if (type.name === 'Identifier' && node.parent?.type.name === 'VectorSelector') names.add(text.slice(from, to));
    },
  });
  return [...names];
}
