import { isUtf8 } from 'node:buffer';
import { refuse } from './refusal.js';

const lineFeed = 0x0a;

/**
 * Bytes to text, chunk by chunk, without a byte order mark, also where the mark stands behind blank lines. Line ends stay as they are.
 * @throws ImportRefused with the line of the first byte that is not UTF-8
 */
export async function* readUtf8(chunks: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void = () => {}): AsyncGenerator<string> {
  let line = 1;
  let bytes = 0;
  let begun = false;
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const joined = rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength) : Buffer.concat([rest, chunk]);
    const end = joined.length - cutCharacter(joined);
    const whole = joined.subarray(0, end);
    rest = Buffer.from(joined.subarray(end));
    if (!isUtf8(whole)) throw notUtf8(lineOfBadByte(whole, line));
    line += countLineFeeds(whole);
    bytes += chunk.byteLength;
    onBytes(bytes);
    let text = whole.toString('utf8');
    if (!begun) {
      text = text.replace(/^\s*/, (blank) => blank.replaceAll('\ufeff', ''));
      begun = /\S/.test(text);
    }
    if (text !== '') yield text;
  }
  if (rest.length > 0) throw notUtf8(line);
}

function notUtf8(line: number) {
  return refuse(line, 'not_utf8', 'the file is not UTF-8 text; save it as UTF-8 and try again');
}

/** How many bytes at the end belong to a character that the next chunk completes. */
function cutCharacter(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

/** A line feed is never part of a longer character, so each line stands for itself. */
function lineOfBadByte(bytes: Buffer, firstLine: number): number {
  let line = firstLine;
  let start = 0;
  for (let end = bytes.indexOf(lineFeed); end >= 0; end = bytes.indexOf(lineFeed, start)) {
    if (!isUtf8(bytes.subarray(start, end))) return line;
    line += 1;
    start = end + 1;
  }
  return line;
}

function countLineFeeds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) count += 1;
  return count;
}
