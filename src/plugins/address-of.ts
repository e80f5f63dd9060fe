import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';

const mapped = /^::ffff:(?=[0-9.]+$)/i;
const withPort = /^(?:\[(?<six>[0-9a-f:.]{2,45})\]|(?<four>[0-9.]{7,15})):\d{1,5}$/i;

/**
 * Whose request it is, for counting: the address that a trusted proxy names (`TRUSTED_PROXIES`), without the port that some proxies add, which is
 * another for every connection. What is no address would be another caller each time as well; then it is the proxy's own.
 */
export function addressOf({ ip, raw }: Pick<FastifyRequest, 'ip' | 'raw'>): string {
  if (isIP(ip) !== 0) return ip.replace(mapped, '');
  const { six, four } = withPort.exec(ip)?.groups ?? {};
  const bare = six ?? four ?? '';
  return isIP(bare) === 0 ? (raw.socket.remoteAddress ?? 'unknown') : bare;
}
