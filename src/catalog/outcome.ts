/** How an answer was come by, as the routes tell it in Cache-Status. */
export type { Outcome } from '../cache/outcome.js';
