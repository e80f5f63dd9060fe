const maxTitleLength = 48;

/**
 * The picture of a demo product: an SVG of 800 by 800 pixels as a string, with nothing in it that loads from elsewhere. The same name always
 * gives the same picture. `name` may be any text: a file name such as `walnut-desk-lamp` is shown as "Walnut Desk Lamp", cut to 48
 * characters. Never throws.
 */
export function demoImage(name: string): string {
  const hash = fnv1a(name);
  const hue = hash % 360;
  const title = titleOf(name);
  const fontSize = Math.min(52, Math.floor(1150 / Math.max(title.length, 1)));
  const motif = motifs[(hash >>> 12) % motifs.length] ?? circles;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="800" height="800" viewBox="0 0 800 800" role="img" aria-label="${escapeXml(title)}">
<rect width="800" height="800" fill="hsl(${hue}, 38%, 91%)"/>
<g fill="hsl(${(hue + 24) % 360}, 42%, 58%)" fill-opacity="0.38">${motif()}</g>
<text x="400" y="705" text-anchor="middle" font-family="Georgia, 'Times New Roman', serif" font-size="${fontSize}" fill="hsl(${hue}, 40%, 24%)">${escapeXml(title)}</text>
</svg>`;
}

const motifs = [circles, arches, tiles, leaves];

function circles(): string {
  return [210, 150, 90].map((radius) => `<circle cx="400" cy="345" r="${radius}"/>`).join('');
}

function arches(): string {
  return [220, 150, 80].map((half) => `<path d="M${400 - half} 555 V345 a${half} ${half} 0 0 1 ${2 * half} 0 V555 Z"/>`).join('');
}

function tiles(): string {
  return [0, 30, 60].map((angle) => `<rect x="245" y="190" width="310" height="310" rx="24" transform="rotate(${angle} 400 345)"/>`).join('');
}

function leaves(): string {
  return [0, 60, 120].map((angle) => `<ellipse cx="400" cy="345" rx="90" ry="220" transform="rotate(${angle} 400 345)"/>`).join('');
}

function titleOf(name: string): string {
  // XML 1.0 cannot hold most control characters, half a surrogate pair, U+FFFE and U+FFFF, not even escaped.
  const storable = name.toWellFormed().replace(/[\p{Cc}\uFFFE\uFFFF]/gu, ' ');
  const words = storable.split(/[-\s]+/).filter(Boolean);
  const title = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(' ');
  const characters = Array.from(title);
  return characters.length > maxTitleLength ? `${characters.slice(0, maxTitleLength - 1).join('')}…` : title;
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** FNV-1a, 32 bits: spreads short names evenly, which is all a hue needs. */
function fnv1a(text: string): number {
  return Array.from(text).reduce((hash, character) => Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0, 0x811c9dc5);
}
