import net from 'node:net';

/**
 * `pass`; `latency`: both directions late, in order; `slow-replies`: replies late; `drip`: a few bytes at a time; `black-hole`: both ways
 * swallowed, `black-hole-requests` and `black-hole-replies` one way; `cut`: connections end with RST and new ones too;
 * `reset-before-commit`: the next COMMIT is not passed on and its connection ends; `reset-after-commit`: it is passed on and the connection
 * ends before the reply; `hole-after-commit`: it is passed on and the reply never comes.
 */
export type LinkMode =
  | 'pass'
  | 'latency'
  | 'slow-replies'
  | 'drip'
  | 'black-hole'
  | 'black-hole-requests'
  | 'black-hole-replies'
  | 'cut'
  | 'reset-before-commit'
  | 'reset-after-commit'
  | 'hole-after-commit';

export interface FaultProxy {
  readonly port: number;
  /** What passes from now on. Connections that have lost bytes end when the mode changes: one that went on would match replies to the wrong requests. */
  set(mode: LinkMode, delayMs?: number): void;
  /** Where new connections lead; those that stand end. */
  retarget(port: number): void;
  /** Ends every connection with RST; new ones are taken. */
  reset(): void;
  /** Our own ports of the connections to the server, by which it knows them. */
  upstreamPorts(): number[];
  /** How often a mode met something to act on since it was set: a chunk delayed or swallowed, a connection refused, a COMMIT. */
  touched(): number;
  close(): Promise<void>;
}

interface Pair {
  client: net.Socket;
  upstream: net.Socket;
  isLossy: boolean;
}

/** The end of a query, as it stands in Postgres' messages: not that of READ COMMITTED. */
const commit = 'COMMIT\0';
const dripBytes = 16;
const dripMs = 5;

/** A TCP proxy on a free port of 127.0.0.1 that does what networks do. */
export async function createFaultProxy(target: number): Promise<FaultProxy> {
  const pairs = new Set<Pair>();
  let mode: LinkMode = 'pass';
  let delayMs = 0;
  let touched = 0;
  let targetPort = target;

  const server = net.createServer((client) => {
    if (mode === 'cut') {
      touched += 1;
      client.resetAndDestroy();
      return;
    }
    const upstream = net.connect(targetPort, '127.0.0.1');
    const pair: Pair = { client, upstream, isLossy: false };
    pairs.add(pair);
    client.setNoDelay();
    upstream.setNoDelay();
    wire(pair, client, upstream, 'requests');
    wire(pair, upstream, client, 'replies');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a proxy got no port');

  function wire(pair: Pair, from: net.Socket, to: net.Socket, direction: 'requests' | 'replies'): void {
    // What is late stands in line, so that the order of bytes survives every change of mode.
    let line: Promise<void> | null = null;

    function later(work: () => Promise<void> | void): void {
      const turn = (line ?? Promise.resolve()).then(work).then(() => {
        if (line === turn) line = null;
      });
      line = turn;
    }

    from.on('data', (bytes) => {
      if (pair.isLossy || isSwallowed(direction)) {
        pair.isLossy = true;
        touched += 1;
        return;
      }
      if (direction === 'requests' && isCommitMode(mode) && bytes.includes(commit)) {
        onCommit(pair, bytes);
        return;
      }
      const wait = mode === 'latency' || (mode === 'slow-replies' && direction === 'replies') ? delayMs : 0;
      if (wait > 0 || mode === 'drip') {
        touched += 1;
        const due = performance.now() + wait;
        later(() => pass(pair, to, bytes, due, mode === 'drip'));
      } else if (line) later(() => pass(pair, to, bytes, 0, false));
      else write(pair, to, bytes);
    });
    from.on('error', () => to.destroy());
    from.on('close', () => {
      pairs.delete(pair);
      to.destroy();
    });
    from.on('end', () => {
      if (line) later(() => void (to.writable && to.end()));
      else if (to.writable) to.end();
    });
  }

  function isSwallowed(direction: 'requests' | 'replies'): boolean {
    return mode === 'black-hole' || mode === `black-hole-${direction}`;
  }

  function onCommit(pair: Pair, bytes: Buffer): void {
    touched += 1;
    const wanted = mode;
    mode = 'pass';
    if (wanted === 'hole-after-commit') {
      write(pair, pair.upstream, bytes);
      pair.isLossy = true;
    } else if (wanted === 'reset-before-commit') end(pair);
    // RST to the client; the server gets the bytes and a FIN behind them.
    else {
      pairs.delete(pair);
      pair.upstream.end(bytes);
      pair.upstream.resume();
      pair.client.removeAllListeners('close');
      pair.client.resetAndDestroy();
    }
  }

  function end(pair: Pair): void {
    pairs.delete(pair);
    pair.client.resetAndDestroy();
    pair.upstream.destroy();
  }

  const endWhere = (which: (pair: Pair) => boolean) => {
    for (const pair of [...pairs]) if (which(pair)) end(pair);
  };

  return {
    port: address.port,
    set(next, delay = 0) {
      mode = next;
      delayMs = delay;
      touched = 0;
      endWhere((pair) => pair.isLossy || next === 'cut');
    },
    retarget(port) {
      targetPort = port;
      endWhere(() => true);
    },
    reset: () => endWhere(() => true),
    upstreamPorts: () => [...pairs].flatMap(({ upstream }) => upstream.localPort ?? []),
    touched: () => touched,
    close() {
      endWhere(() => true);
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

const isCommitMode = (mode: LinkMode) => mode === 'reset-before-commit' || mode === 'reset-after-commit' || mode === 'hole-after-commit';

async function pass(pair: Pair, to: net.Socket, bytes: Buffer, due: number, isDrip: boolean): Promise<void> {
  const wait = due - performance.now();
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  if (!isDrip) return write(pair, to, bytes);
  for (let at = 0; at < bytes.length; at += dripBytes) {
    await new Promise((resolve) => setTimeout(resolve, dripMs));
    write(pair, to, bytes.subarray(at, at + dripBytes));
  }
}

function write(pair: Pair, to: net.Socket, bytes: Buffer): void {
  if (to.writable && !pair.isLossy) to.write(bytes);
}
