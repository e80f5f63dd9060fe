import type { ShapeFault } from './faults.js';

const maxDepth = 32;

/** The first thing inside a JSON value that Postgres or JavaScript would not hand back as it came. */
export function findUnstorable(value: unknown, path: readonly PropertyKey[] = []): ShapeFault | null {
  if (typeof value === 'string') return checkText(value, path);
  if (typeof value !== 'object' || value === null) return null;
  if (path.length === maxDepth) return { path, code: 'too_deep', message: `must not be nested deeper than ${maxDepth} levels` };
  for (const [key, inner] of Object.entries(value)) {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    if (key === '__proto__') return { path: at, code: 'bad_value', message: 'must not be named __proto__' };
    const fault = checkText(key, at) ?? findUnstorable(inner, at);
    if (fault) return fault;
  }
  return null;
}

function checkText(value: string, path: readonly PropertyKey[]): ShapeFault | null {
  if (value.includes('\0')) return { path, code: 'bad_text', message: 'must not contain a NUL character' };
  if (!value.isWellFormed()) return { path, code: 'bad_text', message: 'must be well-formed Unicode' };
  return null;
}
