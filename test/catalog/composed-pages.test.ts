import { describe, expect, it } from 'vitest';
import { createComposedPages } from '../../src/catalog/composed-pages.js';
import type { ListingPage } from '../../src/catalog/listing.js';

const page = (...ids: string[]): ListingPage => ({ ids, next: null });
const at = (version: number, token: string) => ({ version, token });

describe('a composed page', () => {
  let made = 0;
  const compose = () => ({ body: Buffer.from('{}'), etag: `"${++made}"` });

  it('is shown again while every product on it stands at the same version', () => {
    const show = createComposedPages(2);
    const shop = page('a', 'b');
    const first = show(shop, [at(1, 'x'), at(4, 'y')], compose);
    expect(show(shop, [at(1, 'x'), at(4, 'y')], compose)).toBe(first);
  });

  it.each([
    ['a product has a newer version', [at(1, 'x'), at(5, 'z')]],
    ['a version number was used again by another write', [at(1, 'x'), at(4, 'z')]],
    ['a product is gone', [at(1, 'x'), null]],
    ['an older version stands again', [at(0, 'w'), at(4, 'y')]],
  ])('is put together anew once %s', (_what, now) => {
    const show = createComposedPages(2);
    const shop = page('a', 'b');
    const first = show(shop, [at(1, 'x'), at(4, 'y')], compose);
    expect(show(shop, now, compose).etag).not.toBe(first.etag);
  });

  it('is put together anew once a product is there that was not', () => {
    const show = createComposedPages(2);
    const shop = page('a');
    const first = show(shop, [null], compose);
    expect(show(shop, [null], compose)).toBe(first);
    expect(show(shop, [at(1, 'x')], compose)).not.toBe(first);
  });

  it('makes room for another, the least recently shown first', () => {
    const show = createComposedPages(2);
    const [one, two, three] = [page('a'), page('a'), page('a')] as const;
    const shown = [at(1, 'x')];
    const [first, second] = [show(one, shown, compose), show(two, shown, compose)];
    show(one, shown, compose);
    show(three, shown, compose);
    expect(show(one, shown, compose)).toBe(first);
    expect(show(two, shown, compose)).not.toBe(second);
  });
});
