import type { CsvRow } from './csv-rows.js';
import type { Faults } from './faults.js';
import type { ShopifyColumns } from './shopify-columns.js';

const slots = [
  { name: 'option1Name', value: 'option1Value' },
  { name: 'option2Name', value: 'option2Value' },
  { name: 'option3Name', value: 'option3Value' },
] as const;
type Slot = (typeof slots)[number];

export interface ShopifyOptions {
  list: { name: string; values: string[] }[];
  /** The values of one variant, in the order of the options. */
  valuesOf(row: CsvRow): string[];
}

/**
 * The options of one product. Most exports name them on its first row only. `Title` with nothing but `Default Title` is how Shopify says
 * that there are none.
 */
export function readOptions(columns: ShopifyColumns, rows: readonly CsvRow[], variantRows: readonly CsvRow[], faults: Faults): ShopifyOptions {
  const named = slots.flatMap((slot) => {
    const values = variantRows.map((row) => columns.cell(row, slot.value));
    const name = readName(columns, rows, slot, faults);
    if (values.every((value) => value === '' || isDefault(value, name))) return [];
    if (name === undefined) {
      const first = columns.first(variantRows, slot.value);
      faults.add(first?.line ?? 0, columns.header(slot.name), 'missing_option_name', `the option with the value ${first?.value} has no name`);
      return [];
    }
    variantRows.forEach((row, index) => {
      if (values[index] === '')
        faults.add(row.line, columns.header(slot.value), 'missing_option_value', `the variant has no value for the option ${name}`);
    });
    return [{ slot, name, values: [...new Set(values)].filter((value) => value !== '') }];
  });
  const options = named.filter(({ name, slot }, index) => {
    const isTaken = named.slice(0, index).some((other) => other.name === name);
    if (isTaken) faults.add(rows[0]?.line ?? 0, columns.header(slot.name), 'duplicate_option', `the product has two options named ${name}`);
    return !isTaken;
  });
  return {
    list: options.map(({ name, values }) => ({ name, values })),
    valuesOf: (row) => options.map(({ slot }) => columns.cell(row, slot.value)),
  };
}

/** The first spelling stands for those that differ in case only. */
function readName(columns: ShopifyColumns, rows: readonly CsvRow[], slot: Slot, faults: Faults): string | undefined {
  const name = columns.first(rows, slot.name)?.value;
  const other = rows.find((row) => columns.cell(row, slot.name) !== '' && columns.cell(row, slot.name).toLowerCase() !== name?.toLowerCase());
  if (other) {
    faults.add(
      other.line,
      columns.header(slot.name),
      'conflicting_option',
      `the option is ${name} on an earlier row and ${columns.cell(other, slot.name)} here`,
    );
  }
  return name;
}

function isDefault(value: string, name: string | undefined): boolean {
  return value.toLowerCase() === 'default title' && (name === undefined || name.toLowerCase() === 'title');
}
