import type { Edit } from '../sabotage/edit.js';

/** What an instance may be made to lose with every request or fill, so that it is seen that a soak finds it. */
export const leaks: Record<string, { figure: string; edit: Edit }> = {
  closure: {
    figure: 'heap',
    edit: {
      file: 'src/plugins/request-id.ts',
      from: `const given = request.headers['x-request-id'];`,
      to: `((globalThis as any).lost ??= []).push({ kept: 'x'.repeat(100) + Math.random(), back: Array.from({ length: 3_000 }, Math.random) });
      const given = request.headers['x-request-id'];`,
    },
  },
  listener: {
    figure: 'listeners',
    edit: {
      file: 'src/plugins/request-id.ts',
      from: `const given = request.headers['x-request-id'];`,
      to: `process.on('lost', () => request);
      const given = request.headers['x-request-id'];`,
    },
  },
  timer: {
    figure: 'resources',
    edit: {
      file: 'src/plugins/request-id.ts',
      from: `reply.header('x-request-id', request.id);`,
      to: `setInterval(() => request, 3_600_000);
      reply.header('x-request-id', request.id);`,
    },
  },
  'endless-key': {
    figure: 'endless',
    edit: { file: 'src/cache/redis-scripts.ts', from: `redis.call('PEXPIRE', KEYS[1], ARGV[4])`, to: '' },
  },
};
