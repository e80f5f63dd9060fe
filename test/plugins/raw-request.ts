import { connect } from 'node:net';

export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  text: string;
  /** The text as JSON; undefined where it is none. */
  body: unknown;
}

/** Sends bytes that no HTTP client would send and reads one answer, which may leave the connection open. Rejects after five seconds without one. */
export function rawRequest(url: string, bytes: string | Buffer): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let received = '';
    const settle = () => {
      const answer = parse(received);
      if (!answer) return;
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(5_000, () => socket.destroy(new Error(`no whole answer: ${received}`)));
    socket.on('data', (data) => {
      received += data.toString('latin1');
      settle();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed without an answer: ${received}`)));
  });
}

function parse(received: string): RawAnswer | null {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first = '', ...lines] = received.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
  const text = Buffer.from(received.slice(end + 4), 'latin1').toString();
  if (Buffer.byteLength(text) < Number(headers['content-length'] ?? 0)) return null;
  return { status: Number(first.split(' ')[1]), headers, text, body: tryJson(text) };
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
