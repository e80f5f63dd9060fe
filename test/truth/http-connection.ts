import { connect, type Socket } from 'node:net';

export interface Answer {
  status: number;
  /** Of one header, or undefined; the name in lower case. */
  header(name: string): string | undefined;
  body: string;
}

/** Why there is no answer: the connection could not be made or broke, or nothing came in time. */
export class NoAnswer extends Error {
  readonly reason: 'refused' | 'broken' | 'timeout';
  constructor(reason: NoAnswer['reason']) {
    super(`no answer: ${reason}`);
    this.reason = reason;
  }
}

export interface Connection {
  /** One request at a time. Rejects with NoAnswer; the next call connects anew. */
  send(request: string, withinMs: number): Promise<Answer>;
  close(): void;
}

/** Texts of a request with its head; the body is JSON. */
export function requestText(method: string, path: string, headers: Record<string, string> = {}, body?: unknown): string {
  const json = body === undefined ? '' : JSON.stringify(body);
  const all = body === undefined ? headers : { ...headers, 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(json)) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${lines.join('')}\r\n${json}`;
}

/**
 * A keep-alive connection that does the least a client can: write one text, read one answer with a Content-Length. The run has few cores, and
 * what the client does not do is left to the servers.
 */
export function createConnection(port: number): Connection {
  let socket: Socket | null = null;
  let parts: Buffer[] = [];
  let received = 0;
  let expected = 0;
  let head = '';
  let settle: ((result: Answer | NoAnswer) => void) | null = null;

  function finish(result: Answer | NoAnswer): void {
    const done = settle;
    settle = null;
    parts = [];
    received = 0;
    expected = 0;
    if (result instanceof NoAnswer) drop();
    done?.(result);
  }

  function drop(): void {
    const old = socket;
    socket = null;
    old?.destroy();
  }

  function onData(bytes: Buffer): void {
    parts.push(bytes);
    received += bytes.length;
    if (expected === 0) {
      const all = parts.length === 1 ? bytes : Buffer.concat(parts);
      const end = all.indexOf('\r\n\r\n');
      if (end < 0) return;
      head = all.toString('latin1', 0, end);
      if (/\r\ntransfer-encoding:/i.test(head)) throw new Error('the harness reads answers with a Content-Length only');
      expected = end + 4 + Number(contentLength.exec(head)?.[1] ?? 0);
    }
    if (received < expected) return;
    const all = parts.length === 1 ? bytes : Buffer.concat(parts);
    const answer = toAnswer(head, all.toString('utf8', head.length + 4, expected));
    const isLast = /\r\nconnection: close/i.test(head);
    finish(answer);
    if (isLast) drop();
  }

  function open(): Socket {
    const made = connect({ port, host: '127.0.0.1', noDelay: true });
    let isConnected = false;
    made.once('connect', () => {
      isConnected = true;
    });
    made.on('data', onData);
    const onLost = () => {
      if (socket !== made) return;
      socket = null;
      finish(new NoAnswer(isConnected ? 'broken' : 'refused'));
    };
    made.on('error', onLost);
    made.on('close', onLost);
    return made;
  }

  return {
    send(request, withinMs) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => finish(new NoAnswer('timeout')), withinMs);
        settle = (result) => {
          clearTimeout(timer);
          if (result instanceof NoAnswer) reject(result);
          else resolve(result);
        };
        socket ??= open();
        socket.write(request);
      });
    },
    close: drop,
  };
}

const contentLength = /\r\ncontent-length: (\d+)/i;

function toAnswer(head: string, body: string): Answer {
  return {
    status: Number(head.slice(9, 12)),
    header: (name) => new RegExp(`\\r\\n${name}: ([^\\r]*)`, 'i').exec(head)?.[1],
    body,
  };
}
