/** Whether Postgres would take this text as a uuid. Anything else never reaches a cast, which would throw. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** Whether Postgres can hold this text at all. Text that it cannot hold is in no row. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
