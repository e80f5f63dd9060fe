/** A change of one source text, made while it is loaded and nowhere else. */
export interface Edit {
  /** Path from the project's folder, with slashes. */
  file: string;
  /** Must stand in the file exactly once. */
  from: string;
  to: string;
}

/**
 * The text after every edit that belongs to `file`, in their order.
 * @throws Error where a `from` is not there exactly once: an edit that misses would leave a run that proves nothing
 */
export function applyEdits(file: string, text: string, edits: readonly Edit[]): string {
  return edits.filter((edit) => edit.file === file).reduce(applyEdit, text);
}

function applyEdit(text: string, { file, from, to }: Edit): string {
  const pieces = text.split(from);
  if (pieces.length !== 2) throw new Error(`there is nothing to sabotage: ${file} does not say once, but ${pieces.length - 1} times: ${from}`);
  return pieces.join(to);
}
