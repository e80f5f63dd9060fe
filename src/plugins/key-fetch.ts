import type { FetchImplementation } from 'jose';

/** A set of keys is a few kilobytes. */
const maxBytes = 2 ** 18;
/** How long after a failure the next try is not made: whoever sends tokens meanwhile learns at once that they cannot be checked. */
const restMs = 1000;

/** Fetches the keys of an issuer, bounded in bytes and in how often it fails; the time is bounded by the signal that comes with the call. */
export function createKeyFetch(now: () => number = () => performance.now()): FetchImplementation {
  let failedAt = Number.NEGATIVE_INFINITY;
  return async (url, options) => {
    if (now() - failedAt < restMs) throw new Error('The keys could not be fetched a moment ago');
    try {
      const response = await fetch(url, options);
      if (response.status !== 200) throw new Error(`The keys are answered with ${response.status}`);
      return new Response(await readAll(response), { status: 200 });
    } catch (error) {
      failedAt = now();
      throw error;
    }
  };
}

async function readAll({ body }: Response): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new Error(`The keys take more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
