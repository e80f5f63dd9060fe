/** The rule of `isAvailable` (catalog) in SQL, over a row that has `quantity` and `policy`. */
export function isAvailableSql(row: string): string {
  return `(${row}.quantity > 0 OR ${row}.policy = 'continue')`;
}
