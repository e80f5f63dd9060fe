import type { HeldDocument } from '../cache/held-document.js';
import type { ListingPage } from './listing.js';

/** JSON of a Page as bytes, and its validator. */
export interface ComposedPage {
  body: Buffer;
  etag: string;
}

type Shown = Pick<HeldDocument, 'version' | 'token'> | null;

/**
 * Keeps the pages that were put together last. One is shown again only if the read that shows it has been answered with the very same
 * version of every product on it, and is put together anew otherwise: a page is never older than its products, which are read for
 * themselves each time. (The products are compared by version and token and not kept, since memory may have let go of them.)
 *
 * @param maxPages how many are kept, the least recently shown leaving first; a page of 100 products weighs about 40 KB
 */
export function createComposedPages(maxPages: number): (page: ListingPage, shown: readonly Shown[], compose: () => ComposedPage) => ComposedPage {
  const kept = new Map<ListingPage, { versions: readonly (number | undefined)[]; tokens: readonly (string | undefined)[]; composed: ComposedPage }>();

  return (page, shown, compose) => {
    const known = kept.get(page);
    const isSame = known !== undefined && shown.every((held, i) => held?.version === known.versions[i] && held?.token === known.tokens[i]);
    const entry = isSame ? known : { versions: shown.map((held) => held?.version), tokens: shown.map((held) => held?.token), composed: compose() };
    kept.delete(page);
    kept.set(page, entry);
    const [oldest] = kept.keys();
    if (kept.size > maxPages && oldest) kept.delete(oldest);
    return entry.composed;
  };
}
