import { z } from 'zod';

/**
 * Text that Postgres can store: no NUL, no lone surrogate. The first is part of the published pattern; the second cannot be written as a
 * JSON Schema and is refused by the same 400.
 */
export function text(max: number) {
  return z
    .string()
    .max(max)
    .regex(/^[^\u0000]*$/, 'must not contain a NUL character')
    .refine((value) => value.isWellFormed(), 'must be well-formed Unicode');
}

/** Text that says something: at least one character that is not white space. */
export function line(max: number) {
  return z
    .string()
    .max(max)
    .regex(/^[^\u0000]*[^\u0000\s][^\u0000]*$/, 'must not be blank or contain a NUL character')
    .refine((value) => value.isWellFormed(), 'must be well-formed Unicode')
    .trim();
}


/** A slug is one path segment of a URL: any script, but no white space, no control character and nothing that a URL gives a meaning to. */
export const Slug = z
  .string()
  .max(255)
  .regex(/^[^\s\u0000-\u001f\u007f/?#%\\]+$/, 'must be one URL path segment without white space')
  .refine((value) => value !== '.' && value !== '..' && value.isWellFormed(), 'must be one URL path segment');

export const Uuid = z.uuid().toLowerCase();
