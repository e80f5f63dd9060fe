export interface Sample {
  slug: string;
  variantId: string;
  /** Its price now, in minor units. */
  amount: number;
  currency: string;
}

/**
 * What `npm start` prints once it is up: what to try next.
 * @param adminKey the key and the file it is kept in; null where ADMIN_API_KEY gave it, which is never printed
 * @param sample a product to try it on; null where the catalog has none with a price
 */
export function startBanner({
  url,
  dataDir,
  adminKey,
  sample,
}: {
  url: string;
  dataDir: string;
  adminKey: string | null;
  sample: Sample | null;
}): string {
  const lines = ['', `Truetag is up at ${url}`, ''];
  if (sample !== null) lines.push(`  A product    ${url}/v1/products/${sample.slug}`);
  lines.push(`  API docs     ${url}/docs`);
  lines.push(`  Admin key    ${adminKey === null ? 'the one in ADMIN_API_KEY' : `${adminKey} (kept in ${dataDir}/admin-key)`}`);
  if (sample !== null) lines.push('', 'Change its price, then read it again:', '', `  ${priceChange(url, dataDir, adminKey !== null, sample)}`);
  return `${lines.join('\n')}\n\n`;
}

function priceChange(url: string, dataDir: string, isKept: boolean, { variantId, amount, currency }: Sample): string {
  const key = isKept ? `$(cat ${quoted(`${dataDir}/admin-key`)})` : '$ADMIN_API_KEY';
  const body = JSON.stringify({ currency, amount: amount === 1999 ? 1899 : 1999 });
  return `curl -X PATCH ${url}/v1/admin/variants/${variantId}/price -H "Authorization: Bearer ${key}" -H 'Content-Type: application/json' -d '${body}'`;
}

const quoted = (path: string) => (/^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`);
