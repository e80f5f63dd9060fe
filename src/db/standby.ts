import { AppError } from '../errors.js';

/** A column for statements whose answer is shown or acted on by itself: a pooler may send any of them to a standby, whatever it did with the last. */
export const isStandbyColumn = `pg_is_in_recovery() AS "isStandby"`;

export interface FromServer {
  isStandby: boolean;
}

/** The row without the column. Throws `database_unavailable` where a standby gave it: that may be behind, so its word is none. */
export function ofPrimary<Row extends FromServer>({ isStandby, ...row }: Row): Omit<Row, 'isStandby'> {
  if (isStandby) throw noPrimary();
  return row;
}

export function noPrimary(): AppError {
  return new AppError('database_unavailable', 'The database does not answer at the moment');
}
