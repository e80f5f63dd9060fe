import { pipeline } from 'node:stream';
import { CsvError, type Options, parse } from 'csv-parse';
import { type ImportRefused, refuse } from './refusal.js';
import { readUtf8 } from './utf8-text.js';

/** A quote that nobody closes would swallow the rest of the file; this is where it is noticed. */
const maxRowCharacters = 4 * 2 ** 20;

export interface CsvRow {
  /** The line of the file on which the row begins. */
  line: number;
  /** Trimmed. */
  cells: string[];
}

/**
 * The rows of a CSV file that are not blank, the header first. Quoting is strict, as RFC 4180 has it; line ends may be of any kind.
 * @throws ImportRefused where the bytes are not UTF-8, the quoting is broken, or a row is not as wide as the header
 */
export async function* readCsvRows(chunks: AsyncIterable<Uint8Array>, onBytes?: (bytes: number) => void): AsyncGenerator<CsvRow> {
  let width: number | undefined;
  let lastLine = 0;
  const options: Options<CsvRow, string[]> = {
    delimiter: ',',
    max_record_size: maxRowCharacters,
    record_delimiter: '\n',
    relax_column_count: true,
    skip_empty_lines: true,
    trim: true,
    // Runs as the parser meets the row, so the first fault of the file is the one that is told, whatever else its chunk holds.
    on_record: (record, { lines }) => {
      const line = lines - lineFeedsIn(record);
      lastLine = lines;
      const cells = record.map((cell) => cell.trim());
      if (cells.every((cell) => cell === '')) return null;
      width ??= cells.length;
      if (cells.length !== width) throw refuse(line, 'ragged_row', `the row has ${cells.length} cells where the header has ${width}`);
      return { line, cells };
    },
  };
  // The parser's types let a row become an object only where it names the columns.
  const parser = parse(options as unknown as Options);
  // An error on either side destroys the parser with it and so ends the loop below; leaving the loop early closes the file.
  pipeline(withLineFeeds(readUtf8(chunks, onBytes)), parser, () => {});
  try {
    for await (const row of parser as AsyncIterable<CsvRow>) yield row;
  } catch (error) {
    throw error instanceof CsvError ? refusalOf(error, lastLine + 1) : error;
  }
}

/** One kind of line end, so that lines count alike and texts do not change with the system that wrote the file. */
async function* withLineFeeds(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let held = '';
  for await (const text of texts) {
    const joined = held + text;
    held = joined.endsWith('\r') ? '\r' : '';
    yield (held === '' ? joined : joined.slice(0, -1)).replaceAll('\r\n', '\n').replaceAll('\r', '\n');
  }
  if (held !== '') yield '\n';
}

function lineFeedsIn(record: readonly string[]): number {
  let count = 0;
  for (const cell of record) for (let at = cell.indexOf('\n'); at >= 0; at = cell.indexOf('\n', at + 1)) count += 1;
  return count;
}

function refusalOf(error: CsvError, rowLine: number): ImportRefused {
  const noticed = typeof error['lines'] === 'number' ? error['lines'] : rowLine;
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') return refuse(rowLine, 'broken_quoting', 'a quote is opened in this row and never closed');
  if (error.code === 'CSV_MAX_RECORD_SIZE') {
    return refuse(rowLine, 'row_too_long', `the row has more than ${maxRowCharacters} characters; a quote may be missing its end`);
  }
  return refuse(noticed, 'broken_quoting', 'the quoting is broken: a quote inside a quoted cell is written twice ("")');
}
