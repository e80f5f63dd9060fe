import { AppError } from '../errors.js';

/** A change that contradicts itself, with the field that does. `path` as the client wrote it: `variants.0.id`. */
export function unusable(path: string, message: string): AppError {
  return new AppError('unusable', `${path} ${message}`, { faults: [{ path, message }] });
}

/** Throws `unusable` for the first value that an earlier one equals; `<path>.<index>.<field>` is where it sits. */
export function refuseDuplicates(values: readonly string[], path: string, field: string): void {
  const seen = new Set<string>();
  values.forEach((value, index) => {
    if (seen.has(value)) throw unusable(`${path}.${index}.${field}`, 'stands twice');
    seen.add(value);
  });
}
