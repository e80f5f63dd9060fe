import { describe, expect, it } from 'vitest';
import { startBanner } from '../../src/cli/start-banner.js';

const sample = { slug: 'linen-shirt', variantId: '019a0000-0000-7000-8000-000000000002', amount: 4900, currency: 'USD' };
const url = 'http://127.0.0.1:3000';

describe('startBanner', () => {
  it('tells what to try: a product, the docs, the key, and a command that changes the price', () => {
    expect(startBanner({ url, dataDir: '.data', adminKey: 'tt_key', sample })).toBe(`
Truetag is up at http://127.0.0.1:3000

  A product    http://127.0.0.1:3000/v1/products/linen-shirt
  API docs     http://127.0.0.1:3000/docs
  Admin key    tt_key (kept in .data/admin-key)

Change its price, then read it again:

  curl -X PATCH http://127.0.0.1:3000/v1/admin/variants/019a0000-0000-7000-8000-000000000002/price -H "Authorization: Bearer $(cat .data/admin-key)" -H 'Content-Type: application/json' -d '{"currency":"USD","amount":1999}'

`);
  });

  it('changes a price that is that amount already to another', () => {
    expect(startBanner({ url, dataDir: '.data', adminKey: 'tt_key', sample: { ...sample, amount: 1999 } })).toContain('"amount":1899');
  });

  it('never prints a key that was configured', () => {
    const banner = startBanner({ url, dataDir: '.data', adminKey: null, sample });
    expect(banner).toContain('Bearer $ADMIN_API_KEY"');
    expect(banner).not.toContain('admin-key');
  });

  it('keeps the command whole where the folder has blanks and quotes in its name', () => {
    expect(startBanner({ url, dataDir: "/tmp/Ann's shop", adminKey: 'tt_key', sample })).toContain(`$(cat '/tmp/Ann'\\''s shop/admin-key')`);
  });

  it('leaves the examples out where the catalog is empty', () => {
    const banner = startBanner({ url, dataDir: '.data', adminKey: 'tt_key', sample: null });
    expect(banner).not.toContain('curl');
    expect(banner).toContain('/docs');
  });
});
