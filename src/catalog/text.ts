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
  return (
    atMost(max)
      // White space and then none, rather than anything on both sides: where a text is split must not be open, or a long one is tried everywhere.
      .regex(/^\s*[^\u0000\s][^\u0000]*$/, 'must not be blank or contain a NUL character')
      .refine((value) => value.isWellFormed(), 'must be well-formed Unicode')
      .trim()
  );
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
 * A slug is one path segment of a URL: any script, but no white space, no control character, nothing that cannot be seen (but for the joiners
 * that some scripts need) or turns the direction of reading, and nothing that a URL gives a meaning to; `.` and `..` would be taken for a way
 * through the path. The same letters are the same slug however they were put together (NFC), when it is written and when it is asked for.
 */
export const Slug = atMost(255)
  .normalize('NFC')
  .regex(
    /^(?:[^\s\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069/?#%\\.]|\.[^\s\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069/?#%\\.]|\.\.[^\s\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069/?#%\\])[^\s\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069/?#%\\]*$/,
    'must be one URL path segment without white space or invisible characters',
  )
  .refine((value) => value.isWellFormed(), 'must be well-formed Unicode');

export const Uuid = z.uuid().toLowerCase();
