import { isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';

export interface GuessLimit {
  /** How many seconds nothing is looked at that comes from there as this key; 0: it is. */
  waitS(address: string, keyId: string): number;
  /** Counts a wrong key. Gives the seconds to wait where there were too many, this one included; else 0. */
  failed(address: string): number;
  /** The key is right, and known from now on to be used from there. */
  passed(address: string, keyId: string): void;
}

const windowMs = 60_000;
/** Of each kind that is remembered. The least recently used goes first. */
const maxEntries = 10_000;

/**
 * How often an address may be wrong within a minute. After that what it sends is not looked at, right or wrong: if the right key came through,
 * every guess would still be tried. One thing is let through, a key that has been used from this very address before. Else whoever shares an
 * address with a shop (a proxy, an office) could lock it out by being wrong; and from the address of somebody who guesses, no key has been used.
 * `keyId` is what a key shows of itself. Each process counts for itself.
 */
export function createGuessLimit({ perMinute, now = () => performance.now() }: { perMinute: number; now?: () => number }): GuessLimit {
  const failures = new LRUCache<string, { count: number; endsAt: number }>({ max: maxEntries });
  const used = new LRUCache<string, true>({ max: maxEntries });
  const waitOf = (endsAt: number) => Math.ceil((endsAt - now()) / 1000);

  return {
    waitS(address, keyId) {
      const network = networkOf(address);
      const stands = failures.get(network);
      if (!stands || stands.count < perMinute || stands.endsAt <= now() || used.get(`${network} ${keyId}`)) return 0;
      return waitOf(stands.endsAt);
    },
    failed(address) {
      const network = networkOf(address);
      let stands = failures.get(network);
      if (!stands || stands.endsAt <= now()) {
        stands = { count: 0, endsAt: now() + windowMs };
        failures.set(network, stands);
      }
      stands.count += 1;
      return stands.count > perMinute ? waitOf(stands.endsAt) : 0;
    },
    passed(address, keyId) {
      used.set(`${networkOf(address)} ${keyId}`, true);
    },
  };
}

/** Of IPv6 whoever has one address has 2^64 of them (RFC 6177), so they count as one. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address;
  const [head = '', tail] = address.split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail?.split(':').filter(Boolean) ?? [];
  const groups = tail === undefined ? left : [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return groups.slice(0, 4).join(':');
}
