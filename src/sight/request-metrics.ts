import plugin from 'fastify-plugin';
import type { Metrics } from './metrics.js';
import { count } from './request-tally.js';

/** Requests, errors and durations of every route, by its pattern. What is answered before the router counts for itself. */
export const requestMetricsPlugin = plugin<{ metrics: Metrics }>(async (app, { metrics }) => {
  const unrouted = metrics.tally('any', 'none');
  const { request: durations } = metrics.histograms;
  app.addHook('onRoute', (route) => {
    // The page of the API loads many files; one line for all of them.
    const pattern = route.url.startsWith('/docs') ? '/docs' : route.url;
    const tallies = new Map([route.method].flat().map((method) => [method, metrics.tally(method, pattern)]));
    route.onResponse = [
      ...[route.onResponse ?? []].flat(),
      (request, reply, done) => {
        const tally = tallies.get(request.method);
        if (tally) {
          count(tally, reply.statusCode);
          durations.observe({ method: request.method, route: pattern }, reply.elapsedTime / 1000);
        }
        if (request.problemCode !== undefined) metrics.problem(request.problemCode);
        if (request.shortOf !== undefined) metrics.shed(request.shortOf);
        done();
      },
    ];
  });
  app.addHook('onResponse', (request, reply, done) => {
    if (request.is404) {
      count(unrouted, reply.statusCode);
      metrics.problem(request.problemCode ?? 'not_found');
    }
    done();
  });
});
