import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

const batch = 100;

/**
 * Takes from a running Truetag what the bare server will answer, and writes it as one JSON object a line: the listing and some products as
 * they come, the many others by the batch endpoint, whose products are the same JSON as the product page.
 *
 * @param paths read as they stand
 * @param slugs read a hundred at a time
 */
export async function record(url, file, { paths, slugs }) {
  const out = createWriteStream(file);
  for (const path of paths) {
    const response = await fetch(`${url}${path}`);
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    out.write(`${JSON.stringify({ path, etag: response.headers.get('etag'), body: await response.text() })}\n`);
  }
  for (let at = 0; at < slugs.length; at += batch) {
    const body = JSON.stringify({ slugs: slugs.slice(at, at + batch) });
    const response = await fetch(`${url}/v1/products/batch`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const { data, missing } = await response.json();
    if (!response.ok || missing.length > 0) throw new Error(`the batch of ${batch} products from ${at} answered ${response.status}`);
    for (const product of data) {
      const path = `/v1/products/${product.slug}`;
      // As long as the one that its page has, which a batch does not tell.
      const etag = `"${product.version}.1${'0'.repeat(15)}"`;
      out.write(`${JSON.stringify({ path, etag, body: JSON.stringify(product) })}\n`);
    }
  }
  out.end();
  await once(out, 'finish');
}

/** The slugs of a listing's first products. */
export async function listSlugs(url, limit) {
  const response = await fetch(`${url}/v1/products?limit=${limit}`);
  if (!response.ok) throw new Error(`the listing answered ${response.status}`);
  return (await response.json()).data.map(({ slug }) => slug);
}
