import { readFileSync } from 'node:fs';

const text = readFileSync('Dockerfile', 'utf8').replaceAll(/\\\n\s*/g, ' ');
const last = text.slice(text.lastIndexOf('\nFROM '));

const words = (instruction: RegExp): string[] => JSON.parse(instruction.exec(last)?.[1] ?? '[]');

/** What the last stage of the Dockerfile says, so that whoever runs it without an engine runs the same. */
export const image = {
  /** Paths in /app. */
  files: [...last.matchAll(/^COPY --from=build \/app\/(\S+) /gm)].map(([, path]) => path as string),
  environment: Object.fromEntries(
    [...last.matchAll(/^ENV (.+)$/gm)].flatMap(([, pairs]) => (pairs as string).split(' ').map((pair) => pair.split('='))),
  ),
  command: words(/^CMD (\[.+\])$/m),
  check: words(/^HEALTHCHECK .*CMD (\[.+\])$/m),
  /** The shell command that leaves what production needs of `node_modules`. */
  prune: /^RUN (npm prune .+)$/m.exec(text)?.[1] ?? '',
};
