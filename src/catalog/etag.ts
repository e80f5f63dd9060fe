import { createHash } from 'node:crypto';

/** Strong validator of a product by its id: its version, and the shape in which this release writes it. */
export function productETag(version: number, shape: number): string {
  return `"${version}.${shape}"`;
}

/**
 * Strong validator of a product by its slug, which may lead to another product of the same version later: behind the shape stand fifteen digits of
 * the write that made this version.
 * @param document its version, and the token of the write
 */
export function pageETag({ version, token }: { version: number; token: string }, shape: number): string {
  const write = createHash('sha1').update(token).digest().readUIntBE(0, 6);
  return `"${version}.${shape}${String(write).padStart(15, '0')}"`;
}

/** Strong validator of a listing page: what stands on it, in which order and version, made by which write, and where it goes on. */
export function listingETag(products: readonly { id: string; version: number; token: string }[], nextCursor: string | null, shape: number): string {
  const hash = createHash('sha1');
  for (const { id, version, token } of products) hash.update(`${id}.${version}.${token};`);
  return `"${hash.update(`${nextCursor}.${shape}`).digest('base64url')}"`;
}

/** Whether an If-None-Match header names this validator (weak comparison, RFC 9110 section 13.1.2). */
export function matchesNone(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header === etag || validators(header).some((validator) => validator === '*' || validator === etag);
}

/**
 * Whether an If-Match header admits a product at this version: `*`, the ETag of any shape, or the bare `"<version>"`
 * (strong comparison, RFC 9110 section 13.1.1). True where there is no header.
 */
export function admitsVersion(header: string | undefined, version: number): boolean {
  if (header === undefined) return true;
  return header.split(',').some((part) => {
    const validator = part.trim();
    return validator === '*' || new RegExp(`^"${version}(\\.\\d+)?"$`).test(validator);
  });
}

function validators(header: string): string[] {
  return header.split(',').map((part) => part.trim().replace(/^W\/(?=")/, ''));
}
