/**
 * Notices between processes. Blocks go to everybody on this catalog, acks to the process that waits for them; ids only, since a notice has
 * less than 8,000 bytes.
 */
export function blockChannel(catalogId: string): string {
  return `truetag_${catalogId.replaceAll('-', '')}`;
}

export function ackChannel(process: string): string {
  return `truetag_ack_${process.replaceAll('-', '')}`;
}

const maxKeysBytes = 7000;

/** Keys that are too long for a notice are left out, and read from the table by whoever gets it. */
export function armMessage(token: string, writer: string, keys: readonly string[]): string {
  const json = JSON.stringify(keys);
  return Buffer.byteLength(json) > maxKeysBytes ? `arm ${token} ${writer}` : armPrefix(token, writer) + json;
}

/** What stands before the keys, for the database to add them: JSON, and no more of it than a few slugs. */
export function armPrefix(token: string, writer: string): string {
  return `arm ${token} ${writer} `;
}

export function releaseMessage(token: string): string {
  return `release ${token}`;
}

export function ackMessage(token: string, instance: string): string {
  return `ack ${token} ${instance}`;
}

export type Notice =
  | { kind: 'arm'; token: string; writer: string; keys: string[] | undefined }
  | { kind: 'release'; token: string }
  | { kind: 'ack'; token: string; instance: string }
  | { kind: 'echo'; token: string };

/** Null for what is none of ours. */
export function readNotice(message: string): Notice | null {
  const [kind, token = '', third, ...rest] = message.split(' ');
  if (kind === 'arm' && third) return { kind, token, writer: third, keys: rest.length === 0 ? undefined : readKeys(rest.join(' ')) };
  if (kind === 'release' || kind === 'echo') return { kind, token };
  if (kind === 'ack' && third) return { kind, token, instance: third };
  return null;
}

function readKeys(json: string): string[] | undefined {
  try {
    const keys: unknown = JSON.parse(json);
    return Array.isArray(keys) && keys.every((key) => typeof key === 'string') ? keys : undefined;
  } catch {
    return undefined;
  }
}
