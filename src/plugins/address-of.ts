import { isIP, isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';

const mapped = /^::ffff:(?=[0-9.]+$)/i;
const withPort = /^(?:\[(?<six>[0-9a-f:.]{2,45})\]|(?<four>[0-9.]{7,15})):\d{1,5}$/i;

/**
 * Whose request it is, for counting: the address that a trusted proxy names (`TRUSTED_PROXIES`), without the port that some proxies add, which is
 * another for every connection. What is no address would be another caller each time as well; then it is the proxy's own. Of IPv6 it is the /64.
 */
export function addressOf({ ip, raw }: Pick<FastifyRequest, 'ip' | 'raw'>): string {
  if (isIP(ip) !== 0) return networkOf(ip);
  const { six, four } = withPort.exec(ip)?.groups ?? {};
  const bare = six ?? four ?? '';
  return networkOf(isIP(bare) === 0 ? (raw.socket.remoteAddress ?? 'unknown') : bare);
}

/** Of IPv6 whoever has one address has 2^64 of them (RFC 6177), so they count as one. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address.replace(mapped, '');
  const [head = '', tail] = address.split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail?.split(':').filter(Boolean) ?? [];
  const groups = tail === undefined ? left : [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return groups.slice(0, 4).join(':');
}
