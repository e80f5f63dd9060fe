import { connect, type Socket } from 'node:net';

export interface Answer {
  status: number;
  /** Names in lower case, in the order and number in which they came. */
  headers: [string, string][];
  body: Buffer;
}

export interface Wire {
  /** One request at a time; the connection stays open for the next one where the server keeps it. Rejects where no whole answer comes in time. */
  send(bytes: Buffer, isBodyless: boolean): Promise<Answer>;
  close(): void;
}

const answersWithinMs = 20_000;

/** A keep-alive connection for bytes that no HTTP client would send: what is written is exactly what is given. */
export function createWire(port: number): Wire {
  let socket: Socket | null = null;
  let received = Buffer.alloc(0);
  let waiting: { isBodyless: boolean; resolve(answer: Answer): void; reject(error: Error): void } | null = null;

  function settle(isOver: boolean): void {
    if (!waiting) return;
    const parsed = parseAnswer(received, waiting.isBodyless, isOver);
    if (!parsed && !isOver) return;
    const { resolve, reject } = waiting;
    waiting = null;
    if (!parsed) {
      reject(new Error(`the connection was closed without a whole answer: ${received.toString('latin1').slice(0, 200)}`));
      return;
    }
    received = received.subarray(parsed.end);
    if (headerOf(parsed.answer, 'connection') === 'close' || isOver) drop();
    resolve(parsed.answer);
  }

  function drop(): void {
    const old = socket;
    socket = null;
    received = Buffer.alloc(0);
    old?.destroy();
  }

  function open(): Socket {
    const made = connect({ port, host: '127.0.0.1', noDelay: true });
    made.on('data', (data) => {
      if (socket !== made) return;
      received = received.length === 0 ? data : Buffer.concat([received, data]);
      settle(false);
    });
    const onOver = () => {
      if (socket !== made) return;
      socket = null;
      settle(true);
      received = Buffer.alloc(0);
    };
    made.on('error', onOver);
    made.on('close', onOver);
    return made;
  }

  return {
    send(bytes, isBodyless) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting = null;
          drop();
          reject(new Error(`no answer within ${answersWithinMs} ms`));
        }, answersWithinMs);
        waiting = {
          isBodyless,
          resolve: (answer) => {
            clearTimeout(timer);
            resolve(answer);
          },
          reject: (error) => {
            clearTimeout(timer);
            reject(error);
          },
        };
        socket ??= open();
        socket.write(bytes);
      });
    },
    close: drop,
  };
}

/** Of a header that came once; undefined where it did not come. */
export function headerOf({ headers }: Answer, name: string): string | undefined {
  return headers.find(([given]) => given === name)?.[1];
}

/** The first whole answer in the bytes and where it ends; interim answers (1xx) are passed over. Null where it is not whole yet. */
function parseAnswer(bytes: Buffer, isBodyless: boolean, isOver: boolean): { answer: Answer; end: number } | null {
  let start = 0;
  for (;;) {
    const headEnd = bytes.indexOf('\r\n\r\n', start);
    if (headEnd < 0) return null;
    const [first = '', ...lines] = bytes.toString('latin1', start, headEnd).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1] ?? Number.NaN);
    if (!(status >= 100)) throw new Error(`no status line of HTTP/1.1: ${first}`);
    start = headEnd + 4;
    if (status < 200) continue;
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    const answer = { status, headers, body: Buffer.alloc(0) };
    if (isBodyless || status === 204 || status === 304) return { answer, end: start };
    if (headerOf(answer, 'transfer-encoding') === 'chunked') {
      const chunked = readChunks(bytes, start);
      return chunked && { answer: { ...answer, body: chunked.body }, end: chunked.end };
    }
    const length = headerOf(answer, 'content-length');
    const end = length === undefined ? (isOver ? bytes.length : Number.POSITIVE_INFINITY) : start + Number(length);
    return bytes.length < end ? null : { answer: { ...answer, body: bytes.subarray(start, end) }, end };
  }
}

function readChunks(bytes: Buffer, from: number): { body: Buffer; end: number } | null {
  const parts: Buffer[] = [];
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (bytes.length < end) return null;
    if (size === 0) return { body: Buffer.concat(parts), end };
    parts.push(bytes.subarray(lineEnd + 2, end - 2));
    at = end;
  }
}
