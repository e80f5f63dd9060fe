import type { ImportFault } from '../catalog/import.js';

/** More faults of one product than anyone reads: the rest is left out. */
const maxFaultsPerProduct = 20;

/** A fault inside a product, by the path to the field. */
export interface ShapeFault {
  path: readonly PropertyKey[];
  code: string;
  message: string;
}

export interface Faults {
  /** The first fault of a cell stands; what follows from it is not said again. Of more than twenty the first twenty added are kept. */
  add(line: number, column: string | undefined, code: string, message: string): void;
  readonly size: number;
  /** In the order of the file. */
  list(): ImportFault[];
}

/** Collects why one product cannot be imported. */
export function createFaults(): Faults {
  const faults: ImportFault[] = [];
  return {
    add(line, column, code, message) {
      if (faults.length === maxFaultsPerProduct) return;
      if (column !== undefined && faults.some((fault) => fault.line === line && fault.column === column)) return;
      faults.push({ line, ...(column === undefined ? {} : { column }), code, message });
    },
    get size() {
      return faults.length;
    },
    list: () => faults.toSorted((a, b) => a.line - b.line),
  };
}
