import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { demoImage } from '../../src/catalog/demo-image.js';

describe('demoImage', () => {
  it('draws the same picture for the same name', () => {
    expect(demoImage('walnut-desk-lamp')).toBe(demoImage('walnut-desk-lamp'));
  });

  it('gives names their own background', () => {
    const names = ['walnut-desk-lamp', 'walnut-desk-lamp-side', 'market-tote', 'oak-entry-bench', 'cast-iron-teapot'];
    const backgrounds = names.map((name) => /<rect [^>]*fill="(hsl[^"]*)"/.exec(demoImage(name))?.[1]);
    expect(new Set(backgrounds).size).toBe(names.length);
  });

  it('is an SVG of 800 by 800 that refers to nothing outside', () => {
    const svg = demoImage('walnut-desk-lamp');
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="800" height="800" /);
    expect(svg).not.toMatch(/href|url\(|<script|<style|<image|@import/);
  });

  it('shows the name as words', () => {
    expect(shownText('walnut-desk-lamp')).toBe('Walnut Desk Lamp');
    expect(shownText('--café  au-lait-')).toBe('Café Au Lait');
  });

  it('escapes markup in the name', () => {
    const svg = demoImage('"><script>alert(1)</script>&\'');
    expect(svg).not.toContain('<script');
    expect(elements(svg).filter((name) => name === 'script')).toEqual([]);
    expect(svg).toContain('&#60;script&#62;alert(1)&#60;/script&#62;&#38;&#39;');
  });

  it('cuts a long name without splitting a character', () => {
    const shown = shownText('😀'.repeat(500));
    expect(Array.from(shown)).toHaveLength(48);
    expect(shown.endsWith('😀…')).toBe(true);
  });

  it('is well-formed XML whatever the name', () => {
    const awkward = fc.constantFrom('<', '>', '&', '"', "'", '-', ' ', ']', '!', '\u0000', '\uffff', '\ud800', 'é', '😀');
    const name = fc.oneof(fc.string({ unit: 'binary-ascii' }), fc.string({ unit: awkward }));
    fc.assert(fc.property(name, (any) => elements(demoImage(any)).includes('text')));
  });
});

function shownText(name: string): string {
  return /<text [^>]*>([^<]*)<\/text>/.exec(demoImage(name))?.[1] ?? '';
}

/** The names of the elements in order. Throws where the text is not a well-formed document in the part of XML that the picture uses. */
function elements(xml: string): string[] {
  if (!xml.isWellFormed() || /[^\P{Cc}\n]|[\ufffe\uffff]/u.test(xml)) throw new Error('a character that XML cannot hold');
  const names: string[] = [];
  const open: string[] = [];
  const token = /<\/(\w+)>|<(\w+)((?: [\w:-]+="(?:[^<&"]|&#\d+;)*")*)(\/?)>|(?:[^<&>]|&#\d+;)+/y;
  while (token.lastIndex < xml.length) {
    const at = token.lastIndex;
    const match = token.exec(xml);
    if (!match) throw new Error(`not well-formed at ${at}: ${xml.slice(at, at + 40)}`);
    const [whole, closed, opened, attributes = '', empty] = match;
    if (closed && open.pop() !== closed) throw new Error(`</${closed}> closes nothing`);
    if (opened) {
      const keys = [...attributes.matchAll(/ ([\w:-]+)=/g)].map((key) => key[1]);
      if (new Set(keys).size < keys.length) throw new Error(`<${opened}> repeats an attribute`);
      if (open.length === 0 && names.length > 0) throw new Error('two roots');
      names.push(opened);
      if (!empty) open.push(opened);
    }
    if (!closed && !opened && open.length === 0 && whole.trim()) throw new Error('text outside the root');
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)}> stays open`);
  return names;
}
