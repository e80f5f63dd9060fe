import type { DocumentWriter } from './document-writer.js';
import type { CacheSight } from './sight.js';
import type { WriteSteps } from './truth-ports.js';

/** The same steps, each shown to `sight`. */
export function watchSteps(steps: WriteSteps, sight: CacheSight): WriteSteps {
  return {
    arm: (token, keys, writer) => sight.step('W1 arm', { token, keys: keys.length }, () => steps.arm(token, keys, writer)),
    registry: () => sight.step('W2 registry', {}, () => steps.registry()),
    release: (token) => sight.step('release', { token }, () => steps.release(token)),
    findOutcome: (token) => sight.step('W7 outcome', { token }, () => steps.findOutcome(token)),
  };
}

/** The same writer, with the parts of a write that are not its own shown to `sight`: the plan, the commit, Redis. W3 is told by the trace. */
export function watchWriter(writer: DocumentWriter, sight: CacheSight): DocumentWriter {
  return {
    ...writer,
    write: (plan, options) =>
      sight.step('write', {}, async () => {
        const watched: typeof plan = async (round) => {
          const planned = await sight.step(options.isPlanArming ? 'plan, W1 arm, W2 registry' : 'plan', {}, () => plan(round));
          return 'refused' in planned ? planned : { ...planned, commit: (armed) => sight.step('W4 commit', {}, () => planned.commit(armed)) };
        };
        const written = await writer.write(watched, {
          ...options,
          store: (documents) => sight.step('W5 Redis', { documents: documents.length }, () => options.store(documents)),
        });
        sight.written(written.trace);
        return written;
      }),
  };
}
