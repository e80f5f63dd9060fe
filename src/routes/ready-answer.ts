import type { IncomingMessage, ServerResponse } from 'node:http';

/** An answer that is the same for everybody who asks, but for the request id in its first header. */
export interface ReadyAnswer {
  status: 200 | 304;
  /** Names and values in turn, without the request id. */
  headers: readonly string[];
  /** The same as it stands on the wire, up to the request id and after it. */
  beforeId: string;
  afterId: string;
  /** One character per byte (latin1 of the bytes that are meant). */
  body: string;
}

export function readyAnswer(status: 200 | 304, headers: readonly string[], body = ''): ReadyAnswer {
  const lines = headers.map((part, i) => (i % 2 === 0 ? `${part}: ` : `${part}\r\n`)).join('');
  return { status, headers, beforeId: `HTTP/1.1 ${reasons[status]}\r\n${idHeader}: `, afterId: `\r\n${lines}`, body };
}

/**
 * Sends ready answers as one string in one write. Most of what an answer costs Node is the rendering of its head, and then the joining of head
 * and body, so both are done here, where they can be done once:
 *
 * 1. The first answer of a second is rendered by `writeHead`. If its head is, byte for byte, the one that would be put together here, followed
 *    by Date, Connection and Keep-Alive as Node writes them for a connection that stays open, those lines are kept.
 * 2. Until that second of the clock is over, an answer on such a connection is given its head and body as already rendered. Order,
 *    pipelining, keep-alive and back-pressure remain Node's: it writes what it is given as it writes any head.
 *
 * Whatever differs (another HTTP version, a connection that will close, a Node that renders otherwise) takes the ordinary way every time.
 *
 * @param wallMs the wall clock in ms, because Date tells it
 */
export function createReadySender(wallMs: () => number = Date.now) {
  let ending = '';
  let endsWith = Number.NaN;

  return (request: IncomingMessage, response: Rendering, answer: ReadyAnswer, requestId: string): void => {
    const second = Math.floor(wallMs() / 1000);
    const isPlain = response.shouldKeepAlive && request.httpVersion === '1.1';
    const head = answer.beforeId + requestId + answer.afterId;
    if (isPlain && second === endsWith) {
      response.statusCode = answer.status;
      response._header = head + ending + answer.body;
      response.end();
      return;
    }
    response.writeHead(answer.status, [idHeader, requestId, ...answer.headers]);
    const rendered = response._header;
    if (isPlain && typeof rendered === 'string' && rendered.startsWith(head)) {
      ending = rendered.slice(head.length);
      // Node renews its date by a timer, which may be late.
      endsWith = ending.startsWith(`Date: ${new Date(second * 1000).toUTCString()}\r\n`) && openEnding.test(ending) ? second : Number.NaN;
    }
    response.end(answer.body, 'latin1');
  };
}

/** Node keeps the rendered head here until it sends it, together with the first of the body. */
type Rendering = ServerResponse & { _header?: string | null };

const idHeader = 'x-request-id';
const reasons = { 200: '200 OK', 304: '304 Not Modified' };
const openEnding = /^Date: [^\r]+\r\nConnection: keep-alive\r\n(?:Keep-Alive: timeout=\d+\r\n)?\r\n$/;
