import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readShopify } from '../../src/importers/shopify.js';
import type { ImportProgress } from '../../src/importers/source.js';
import { csv, inline, readAll } from './read-all.js';

const chunkBytes = 65_536;

describe('reading a large Shopify CSV', () => {
  it('yields products while the file is being read, not at its end', async () => {
    const products = 1000;
    let progress: ImportProgress = { phase: 'check', bytes: 0 };
    let seen = 0;
    let farthestBehind = 0;
    const rowBytes = 2000;
    for await (const item of readShopify(generated(products, rowBytes), { currency: 'USD', onProgress: (next) => (progress = next) })) {
      expect(item.product?.slug).toBe(`p${seen}`);
      expect(progress.phase).toBe('read');
      seen += 1;
      farthestBehind = Math.max(farthestBehind, progress.bytes - seen * rowBytes);
    }
    expect(seen).toBe(products);
    expect(farthestBehind).toBeLessThan(4 * chunkBytes);
  });

  it('refuses a file before anything comes out of it where more would have to wait than memory should hold', async () => {
    const rows = (changes: object) => Array.from({ length: 50 }, (_, index) => ({ Handle: `h${index}`, Title: 'T'.repeat(500), ...changes }));
    const scattered = inline(csv(...rows({ 'Variant Price': '1' }), ...rows({})));
    let items = 0;
    const read = async (maxWaitingBytes: number) => {
      for await (const _ of readShopify(scattered, { currency: 'USD', maxWaitingBytes })) items += 1;
    };
    await expect(read(40_000)).rejects.toMatchObject({ fault: { line: 36, code: 'scattered_rows' } });
    expect(items).toBe(0);
    const oneProduct = inline(
      csv(...rows({ 'Variant Price': '1' }), ...Array(80).fill({ Handle: 'big', Title: 'T'.repeat(500), 'Variant Price': '1' })),
    );
    await expect(readAll(oneProduct)).resolves.toMatchObject({ failed: 1 });
    await expect(readShopify(oneProduct, { currency: 'USD', maxWaitingBytes: 40_000 }).next()).rejects.toMatchObject({
      fault: { code: 'product_too_large' },
    });
    await read(80_000);
    expect(items).toBe(50);
  });

  it('closes the file when the reader stops early', async () => {
    let open = 0;
    const source = generated(2000, 500);
    async function* watched() {
      open += 1;
      try {
        yield* source();
      } finally {
        open -= 1;
      }
    }
    for await (const _ of readShopify(watched, { currency: 'USD' })) break;
    await new Promise(setImmediate);
    expect(open).toBe(0);
  });

  it('gives the same products however the file is cut into chunks', async () => {
    const text = csv({ Handle: 'ä', Title: '🪑 "Stuhl"\r\n2', 'Variant Price': '1.5' }, { Handle: 'b', Title: 'Ж', 'Variant Price': '2' });
    const whole = await readAll(inline(`\ufeff${text}`));
    expect(whole.products).toHaveLength(2);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), async (size) => {
        expect(await readAll(inline(`\ufeff${text}`, size))).toEqual(whole);
      }),
      { numRuns: 40 },
    );
  });

  it('either refuses a file of any bytes or reads it', async () => {
    const piece = fc.constantFrom(
      'Handle,Title,Variant Price',
      ',',
      '"',
      '""',
      '\n',
      '\r\n',
      '\\"',
      'a',
      'b',
      '1.5',
      '-1',
      ' ',
      '\ufeff',
      '\0',
      'é',
      '<p>',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
        const file = inline(`Handle,Title,Variant Price\n${pieces.join('')}`, 7);
        await readAll(file).catch((error: unknown) => expect(error).toMatchObject({ code: 'import_refused' }));
      }),
      { numRuns: 300 },
    );
  });
});

/** A file of one-row products, each row of about `rowBytes`, made while it is read. */
function generated(products: number, rowBytes: number) {
  return async function* () {
    let text = 'Handle,Title,Variant Price,Body (HTML)\n';
    for (let index = 0; index < products; index += 1) {
      text += `p${index},T,1,`.padEnd(rowBytes - 1, 'x').concat('\n');
      if (text.length < chunkBytes) continue;
      yield Buffer.from(text);
      text = '';
    }
    yield Buffer.from(text);
  };
}
