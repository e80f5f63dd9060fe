import { z } from 'zod';

/** The query string of a call that has no parameters: one that is sent is unknown. */
export const NoQuery = z.strictObject({});
