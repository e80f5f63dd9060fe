import type { Operation } from '../routes/openapi-document.js';
import type { Kind, Known } from './known.js';

/** A text, or one of what exists when the request is sent: ids differ from run to run, the choice does not. */
export type Value = string | { known: Kind; at: number };

/** Who is not let in, or with less than everything: with every scope but the one asked for, with that one alone, or with a key that has ended. */
export type CallerKind = 'without' | 'alone' | 'revoked' | 'expired';

/** A request before it is sent. Headers and texts of parameters may hold anything; `headers` are one character per byte. */
export interface Plan {
  operation: Operation;
  /** `valid`: all that the document asks for. */
  how: 'valid' | 'broken';
  /** Left out: a key that may do everything. */
  caller?: CallerKind;
  /** Sent to the instance that counts, which may say that there were too many. */
  isCounted?: boolean;
  method: string;
  path: Record<string, Value>;
  query: [string, Value][];
  /** Instead of `query`, as it stands. */
  rawQuery?: string | { known: Kind; at: number };
  headers: [string, Value][];
  body?: Buffer;
  /** What Content-Length says, where it is not the truth. */
  declaredBytes?: number;
}

export interface Rendered {
  bytes: Buffer;
  method: string;
  target: string;
  query: string;
  headers: [string, string][];
  body: Buffer | undefined;
}

export function render(plan: Plan, known: Known): Rendered {
  const textOf = (value: Value) => (typeof value === 'string' ? value : known.pick(value.known, value.at));
  const path = plan.operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => segment(textOf(plan.path[name] ?? '')));
  const query =
    plan.rawQuery === undefined
      ? plan.query.map(([name, value]) => `${encode(name)}=${encode(textOf(value))}`).join('&')
      : textOf(plan.rawQuery).replaceAll(/[\s#]/g, '');
  const target = query === '' ? path : `${path}?${query}`;
  const headers = plan.headers.map(([name, value]): [string, string] => [name, textOf(value).replaceAll(/[\0\r\n]|[^\0-\xff]/g, '?')]);
  const body = plan.body === undefined ? undefined : adopt(plan.body, known);
  const length = plan.declaredBytes ?? body?.length;
  const isChunked = headers.some(([name]) => name === 'transfer-encoding');
  if (length !== undefined && !isChunked) headers.push(['content-length', String(length)]);
  const payload = body === undefined ? Buffer.alloc(0) : isChunked ? chunked(body) : body;
  const head = `${plan.method} ${target} HTTP/1.1\r\nhost: shop.example\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return { bytes: Buffer.concat([Buffer.from(head, 'latin1'), payload]), method: plan.method, target, query, headers, body };
}

/** A line for a shell that sends it again. */
export function asCurl({ method, target, headers, body }: Rendered): string {
  const quote = (text: string | Buffer) =>
    `$'${[...Buffer.from(text as string, 'latin1')].map((byte) => (byte < 32 || byte > 126 || byte === 39 || byte === 92 ? `\\x${byte.toString(16).padStart(2, '0')}` : String.fromCharCode(byte))).join('')}'`;
  const lines = headers
    .filter(([name]) => name !== 'content-length')
    .map(([name, value]) => ` -H ${quote(name === 'authorization' ? `${name}: Bearer $KEY` : value === '' ? `${name};` : `${name}: ${value}`)}`);
  const data = body === undefined ? '' : ` --data-binary ${quote(body.toString('latin1'))}`;
  return `curl -sS -i --path-as-is -X ${method}${lines.join('')}${data} ${quote(`$URL${target}`)}`;
}

/** The nearest text that is one segment of a path: nothing at all would be another path, dots a way through it. */
function segment(text: string): string {
  return /^(\.{1,2})?$/.test(text) ? '%20' : encode(text);
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function chunked(body: Buffer): Buffer {
  const first = body.length === 0 ? [] : [Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')];
  return Buffer.concat([...first, Buffer.from('0\r\n\r\n')]);
}

/** Placeholders of a body, `"known:variant:7"`, become what exists. */
function adopt(body: Buffer, known: Known): Buffer {
  const text = body.toString('latin1');
  if (!text.includes('known:')) return body;
  const adopted = text.replaceAll(/"known:(\w+):(\d+)"/g, (_, kind: string, at: string) => {
    const json = JSON.stringify(known.pick(kind as Kind, Number(at)));
    return Buffer.from(json).toString('latin1');
  });
  return Buffer.from(adopted, 'latin1');
}
