import { z } from 'zod';

/**
 * Text that Postgres can store: no NUL, no lone surrogate. The first is part of the published pattern; the second cannot be written as a
 * JSON Schema and is refused by the same 400. `max` counts characters (code points), as JSON Schema does.
 */
export function text(max: number) {
  return atMost(max)
    .regex(/^[^\u0000]*$/, 'must not contain a NUL character')
    .refine((value) => value.isWellFormed(), 'must be well-formed Unicode');
}

/** Text that says something: at least one character that is not white space. */
export function line(max: number) {
  return atMost(max)
    .regex(/^[^\u0000]*[^\u0000\s][^\u0000]*$/, 'must not be blank or contain a NUL character')
    .refine((value) => value.isWellFormed(), 'must be well-formed Unicode')
    .trim();
}

/** zod's own `max` counts UTF-16 units and would refuse what the published `maxLength` allows. */
export function atMost(max: number) {
  return z
    .string()
    .superRefine((value, context) => {
      if (isLonger(value, max)) context.addIssue({ code: 'too_big', origin: 'string', maximum: max, inclusive: true, input: value });
    })
    .meta({ maxLength: max });
}

function isLonger(value: string, max: number): boolean {
  if (value.length <= max) return false;
  return value.length > 2 * max || Array.from(value).length > max;
}

/**
 * A slug is one path segment of a URL: any script, but no white space, no control character and nothing that a URL gives a meaning to; `.` and
 * `..` would be taken for a way through the path.
 */
export const Slug = atMost(255)
  .regex(
    /^(?:[^\s\u0000-\u001f\u007f/?#%\\.]|\.[^\s\u0000-\u001f\u007f/?#%\\.]|\.\.[^\s\u0000-\u001f\u007f/?#%\\])[^\s\u0000-\u001f\u007f/?#%\\]*$/,
    'must be one URL path segment without white space',
  )
  .refine((value) => value.isWellFormed(), 'must be well-formed Unicode');

export const Uuid = z.uuid().toLowerCase();
