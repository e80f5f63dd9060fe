import { describe, expect, it } from 'vitest';
import { fixture, inline, readAll, refusalOf } from './read-all.js';

const header = 'Handle,Title,Variant Price';

describe('a Shopify CSV as a file', () => {
  it('may have padded cells, a byte order mark behind a blank line and blank lines', async () => {
    const { products } = await readAll(fixture('shopify/padded-after-blank-line.csv'));
    expect(products).toMatchObject([
      { line: 4, slug: 'mug', title: 'Mug, large', tags: ['a', 'b'], variants: [{ prices: [{ amount: 950 }] }] },
      { line: 7, slug: 'bowl', title: 'Bowl', tags: [] },
    ]);
  });

  it.each(['\n', '\r\n', '\r'])('may end its lines with %j, and its texts do not differ for it', async (end) => {
    const text = [header, 'a,"A', 'and ""B""",1', '', 'b,B,2'].join(end);
    for (const size of [1, 3, 65_536]) {
      expect((await readAll(inline(text, size))).products).toMatchObject([
        { line: 2, title: 'A\nand "B"' },
        { line: 5, title: 'B' },
      ]);
    }
  });

  it('may have column names in any case, and names that JavaScript knows', async () => {
    const { products } = await readAll(inline('HANDLE,title,__proto__,variant PRICE,constructor\na,A,x,1,y'));
    expect(products).toMatchObject([{ slug: 'a', attributes: {}, variants: [{ prices: [{ amount: 100 }] }] }]);
  });

  it('with a header alone has no products', async () => {
    expect(await readAll(inline(header))).toEqual({ products: [], faults: [], failed: 0 });
  });

  it('may have the rows of one product anywhere, which comes when its last row is read', async () => {
    const { products } = await readAll(fixture('shopify/scattered.csv'));
    expect(products.map(({ slug, line, variants, media }) => [slug, line, variants.length, media.length])).toEqual([
      ['b', 3, 1, 0],
      ['c', 5, 1, 0],
      ['a', 2, 2, 1],
    ]);
  });

  it('is refused with the line where it is not UTF-8', async () => {
    expect(await refusalOf(fixture('shopify/latin1-without-header.csv'))).toMatchObject({ line: 2, code: 'not_utf8' });
  });

  it('is refused without a usable header, which names what is missing', async () => {
    expect(await refusalOf(inline('\n\na,b,c\n1,2,3'))).toEqual({
      line: 3,
      code: 'no_header',
      message: 'the file has no usable header: there is no column Handle, Title, Variant Price',
    });
    expect(await refusalOf(inline('Handle;Title;Variant Price\na;A;1'))).toMatchObject({ line: 1, code: 'no_header' });
    expect(await refusalOf(inline(''))).toMatchObject({ line: 1, code: 'no_header' });
    expect(await refusalOf(inline('\ufeff\n\n'))).toMatchObject({ code: 'no_header' });
  });

  it('is refused where a column that is read is there twice', async () => {
    expect(await refusalOf(inline(`${header},title\na,A,1,B`))).toMatchObject({ line: 1, column: 'Title', code: 'duplicate_column' });
    expect((await readAll(inline(`${header},Note,note\na,A,1,x,y`))).products).toHaveLength(1);
  });

  it('is refused where a row is not as wide as the header, with the line on which the row begins', async () => {
    expect(await refusalOf(fixture('shopify/ragged.csv'))).toEqual({
      line: 4,
      code: 'ragged_row',
      message: 'the row has 2 cells where the header has 3',
    });
    expect(await refusalOf(inline(`${header}\n\na,"A\n\n\n",1,2`))).toMatchObject({ line: 3, code: 'ragged_row' });
  });

  it('is refused where the quoting is broken', async () => {
    expect(await refusalOf(fixture('shopify/backslash-quotes.csv'))).toMatchObject({ line: 3, code: 'broken_quoting' });
    expect(await refusalOf(inline(`${header}\na,A,1\nb,12" pipe,2`))).toMatchObject({ line: 3, code: 'broken_quoting' });
    expect(await refusalOf(inline(`${header}\na,A,1\nb,"B,2\nc,C,3\n`))).toMatchObject({ line: 3, code: 'broken_quoting' });
  });

  it('is refused for the first fault of the file, whatever follows it', async () => {
    expect(await refusalOf(inline(`${header}\na,A\nb,"B" x,2\n`))).toMatchObject({ line: 2, code: 'ragged_row' });
  });

  it('is refused where a row has no end in sight', async () => {
    expect(await refusalOf(inline(`${header}\na,"${'x\n'.repeat(2_200_000)}`))).toMatchObject({ line: 2, code: 'row_too_long' });
  });

  it('is refused by an error that says the line and holds the fault', async () => {
    await expect(readAll(inline(`${header}\na,A`))).rejects.toMatchObject({
      code: 'import_refused',
      message: 'line 2: the row has 2 cells where the header has 3',
      faults: [{ path: 'line 2', message: 'the row has 2 cells where the header has 3' }],
    });
  });
});
