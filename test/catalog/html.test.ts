import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sanitizeDescription } from '../../src/catalog/html.js';

describe('sanitizeDescription', () => {
  it.each([
    ['<p onclick="x()" style="color:red" class="y">a</p>', '<p>a</p>'],
    ['<script>alert(1)</script>a<style>p{}</style>b<iframe src="x">c</iframe>', 'ab'],
    ['<a href="java\nscript:alert(1)">a</a>', '<a>a</a>'],
    ['<a href="JAVASCRIPT:alert(1)">a</a>', '<a>a</a>'],
    ['<img src="data:image/svg+xml;base64,AAAA" alt="a">', '<img alt="a" />'],
    ['<img src=x onerror=alert(1)>', '<img src="x" />'],
    ['<svg onload=alert(1)><p>a</p></svg>b', 'b'],
    ['<textarea><script>alert(1)</script></textarea>b', 'b'],
    ['<font color="red">a</font>', 'a'],
  ])('takes out what runs code or restyles the page: %s', (html, clean) => {
    expect(sanitizeDescription(html)).toBe(clean);
  });

  it.each([
    '<h2>a</h2><p>b <strong>c</strong> <em>d</em><br /><sup>2</sup></p><hr />',
    '<ul><li>a</li></ul><ol><li>b</li></ol><blockquote>c</blockquote>',
    '<table><thead><tr><th colspan="2">a</th></tr></thead><tbody><tr><td>b</td><td>c</td></tr></tbody></table>',
    '<a href="https://shop.example/a?b=c&amp;d=e">a</a><a href="/care">b</a><img src="/a.svg" alt="A lamp" />',
    'plain text\nin two lines, "quoted"',
    '',
  ])('leaves text markup, links, images and tables as they are: %s', (html) => {
    expect(sanitizeDescription(html)).toBe(html);
  });

  it('reads text that is not markup as text', () => {
    expect(sanitizeDescription('5 < 6 & 7')).toBe('5 &lt; 6 &amp; 7');
  });

  it('changes nothing the second time', () => {
    const tags = [
      '<p>',
      '</p>',
      '<dd>',
      '<li>',
      '<ul>',
      '</ul>',
      '<table>',
      '<tr>',
      '<td',
      '<a href="',
      '" onclick=x',
      '<x>',
      '</x>',
      '<javascript:',
      '<pre>\n',
      '<col>',
    ];
    const raw = [
      '<script>',
      '</script>',
      '<textarea>',
      '</textarea>',
      '<xmp>',
      '<title>',
      '<svg>',
      '</svg>',
      '<plaintext>',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<?x',
    ];
    const text = ['<', '>', '&', '&lt;', '&amp;lt;', '&#x3c;', '"', "'", '=', '/>', ' ', '\r\n', '\u00a0', 'a'];
    const html = fc.array(
      fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...tags, ...raw, ...text) }, fc.string({ unit: 'binary', maxLength: 3 })),
      { maxLength: 16 },
    );
    fc.assert(
      fc.property(html, (pieces) => {
        const once = sanitizeDescription(pieces.join(''));
        expect(sanitizeDescription(once)).toBe(once);
      }),
      { numRuns: 2000 },
    );
  });
});
