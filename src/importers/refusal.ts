import type { ImportFault } from '../catalog/import.js';
import { AppError } from '../errors.js';

/** The whole file cannot be read as its format. Thrown before the first item, so nothing has been written. */
export class ImportRefused extends AppError {
  readonly fault: ImportFault;

  constructor(fault: ImportFault) {
    const message = `line ${fault.line}: ${fault.message}`;
    super('import_refused', message, { faults: [{ path: `line ${fault.line}`, message: fault.message }] });
    this.name = 'ImportRefused';
    this.fault = fault;
  }
}

/** An error to throw for a file that is refused as a whole. `line` counts from 1. */
export function refuse(line: number, code: string, message: string, column?: string): ImportRefused {
  return new ImportRefused({ line, ...(column === undefined ? {} : { column }), code, message });
}
