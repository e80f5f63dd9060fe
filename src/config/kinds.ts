import { isIP } from 'node:net';
import { z } from 'zod';

export const flag = (byDefault: boolean) =>
  z
    .enum(['true', 'false'], 'must be true or false')
    .default(byDefault ? 'true' : 'false')
    .transform((value) => value === 'true');
export const whole = (min: number, max: number) =>
  z.string().regex(/^\d+$/, 'must be a whole number').transform(Number).pipe(z.number().min(min).max(max));
export const url = (...protocols: string[]) =>
  z
    .string()
    .refine(
      (value) => URL.canParse(value) && protocols.includes(new URL(value).protocol),
      `must be a URL that begins with ${protocols.map((p) => `${p}//`).join(' or ')}`,
    );
/** Whether a URL holds a name or a password. */
export function namesSomebody(value: string): boolean {
  const { username, password } = new URL(value);
  return username !== '' || password !== '';
}

export const list = (isEntry: (entry: string) => boolean, message: string) =>
  z
    .string()
    .transform((value) => value.split(',').map((entry) => entry.trim()))
    .refine((entries) => entries.every(isEntry), message)
    .default([]);

/** `name=value` pairs of HTTP headers, the values percent-encoded, as OpenTelemetry has them. */
export const headers = z
  .string()
  .transform((value) => value.split(',').flatMap((pair) => (pair.trim() === '' ? [] : [nameAndValue(pair)])))
  .refine(
    (pairs) => pairs.every(([name, value]) => /^[\w!#$%&'*+.^`|~-]+$/.test(name) && isSendable(value)),
    'must be name=value pairs, separated by commas, with values percent-encoded',
  )
  .transform((pairs): Record<string, string> => Object.fromEntries(pairs.map(([name, value]) => [name, decodeURIComponent(value)])));

/** The name is empty where there is no `=`. */
function nameAndValue(pair: string): [name: string, value: string] {
  const end = Math.max(0, pair.indexOf('='));
  return [pair.slice(0, end).trim(), pair.slice(end + 1).trim()];
}

/** Whether it can be decoded into what a header may hold. */
function isSendable(value: string): boolean {
  try {
    return /^[\t\x20-\x7e]*$/.test(decodeURIComponent(value));
  } catch {
    return false;
  }
}

export function isNetwork(entry: string): boolean {
  const [address = '', length, ...more] = entry.split('/');
  if (['loopback', 'linklocal', 'uniquelocal'].includes(entry)) return true;
  const bits = isIP(address) === 4 ? 32 : isIP(address) === 6 ? 128 : 0;
  if (bits === 0 || more.length > 0) return false;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) >= 1 && Number(length) <= bits);
}

export function isOrigin(entry: string): boolean {
  return entry === '*' || (/^https?:/.test(entry) && URL.canParse(entry) && new URL(entry).origin === entry);
}
