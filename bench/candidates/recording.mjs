import { readFileSync } from 'node:fs';

/** What Truetag answered: path to `{ body, etag }`. The file has one JSON object a line. */
export function readRecording(file) {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return new Map(lines.map((line) => JSON.parse(line)).map(({ path, ...answer }) => [path, answer]));
}
