import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const caughtWithinMs = 5_000;

/**
 * A TCP link to a server on this machine that can be cut, can swallow what it is given, and can hold one reply back. Clients connect to `url`.
 * Connections that lost bytes never carry traffic again: `restore` ends them, so that nobody matches a reply to the wrong request.
 */
export async function openLink(targetUrl) {
  const target = new URL(targetUrl);
  const pairs = new Set();
  let mode = 'pass';
  let trap = null;

  const server = createServer((client) => {
    if (mode === 'cut') return client.resetAndDestroy();
    const upstream = connect(Number(target.port), target.hostname);
    const pair = { client, upstream, isLossy: false, held: null };
    pairs.add(pair);
    for (const socket of [client, upstream]) socket.setNoDelay().on('error', () => end(pair));
    client.on('close', () => end(pair));
    upstream.on('close', () => end(pair));
    client.on('data', (bytes) => {
      if (mode === 'hole') pair.isLossy = true;
      else if (!pair.isLossy) upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (mode === 'hole') pair.isLossy = true;
      else if (pair.held) pair.held.push(bytes);
      else if (trap && bytes.includes(trap.marker)) {
        pair.held = [bytes];
        trap.caught(pair);
        trap = null;
      } else if (!pair.isLossy) client.write(bytes);
    });
  });

  function end(pair) {
    pairs.delete(pair);
    pair.client.destroy();
    pair.upstream.destroy();
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(targetUrl);
  url.hostname = '127.0.0.1';
  url.port = String(server.address().port);

  return {
    url: url.href,

    /** How many connections stand. */
    connections: () => pairs.size,

    /** Connections are reset, and new ones as soon as they are made. */
    cut() {
      mode = 'cut';
      for (const pair of pairs) pair.client.resetAndDestroy();
    },

    /** Connections stand and are taken, and nothing passes either way. */
    blackHole() {
      mode = 'hole';
    },

    restore() {
      mode = 'pass';
      for (const pair of pairs) if (pair.isLossy) end(pair);
    },

    /**
     * Keeps back the next reply that contains `marker`, and what follows it on that connection; all others go on. `caught` resolves once the
     * server has given that reply, and rejects where it gives none in time.
     */
    holdNext(marker) {
      let pair = null;
      const caught = new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no reply with "${marker}" came by within ${caughtWithinMs / 1000} s`)), caughtWithinMs);
        const settle = (found) => {
          clearTimeout(timer);
          pair = found;
          resolve();
        };
        trap = { marker, caught: settle };
      });
      return {
        caught,
        release() {
          if (pair === null) return;
          for (const bytes of pair.held) pair.client.write(bytes);
          pair.held = null;
        },
      };
    },

    close() {
      for (const pair of pairs) end(pair);
      server.close();
    },
  };
}
