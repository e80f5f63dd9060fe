import sanitizeHtml from 'sanitize-html';

const options: sanitizeHtml.IOptions = {
  allowedTags: [
    ...['p', 'br', 'hr', 'div', 'span', 'blockquote', 'pre', 'code', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6'],
    ...['ul', 'ol', 'li', 'dl', 'dt', 'dd', 'strong', 'em', 'b', 'i', 'u', 's', 'small', 'mark', 'sub', 'sup', 'a', 'img'],
    ...['table', 'caption', 'colgroup', 'col', 'thead', 'tbody', 'tfoot', 'tr', 'th', 'td', 'figure', 'figcaption'],
  ],
  allowedAttributes: {
    a: ['href', 'title'],
    img: ['src', 'alt', 'title', 'width', 'height'],
    th: ['colspan', 'rowspan', 'scope'],
    td: ['colspan', 'rowspan'],
  },
  allowedSchemes: ['http', 'https', 'mailto', 'tel'],
  allowedSchemesByTag: { img: ['http', 'https'] },
  selfClosing: ['img', 'br', 'hr', 'col'],
  // Elements whose text is code or a fallback and never meant for a reader: it goes with them.
  nonTextTags: [
    'script',
    'style',
    'textarea',
    'option',
    'xmp',
    'iframe',
    'noscript',
    'noembed',
    'noframes',
    'object',
    'title',
    'svg',
    'math',
    'template',
  ],
  nestingLimit: 50,
};

/**
 * The HTML of a product's description, reduced to text markup, links, images and tables. Scripts, styles, frames, event handlers and URLs
 * that run code are gone, with what stood inside them. Sanitising twice gives what sanitising once gave.
 */
export function sanitizeDescription(html: string): string {
  // Most descriptions of real shops are plain text: nothing to parse, nothing to escape.
  if (!/[<>&]/.test(html)) return html;
  // Dropping an element changes how what stands around it nests, so the outcome can read differently: it goes on until nothing changes,
  // two rounds as a rule. What does not settle is no text that anyone wrote, and keeps its words alone.
  let current = html;
  for (let round = 0; round < 6; round += 1) {
    const next = sanitizeHtml(current, options);
    if (next === current) return current;
    current = next;
  }
  return sanitizeHtml(current, { ...options, allowedTags: [] });
}
