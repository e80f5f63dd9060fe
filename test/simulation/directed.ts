import { crashes } from './directed-crashes.js';
import { races } from './directed-races.js';
import { type Played, play } from './stage.js';

/** Schedules for what chance finds too rarely: each is a race written out as events, which the protocol as it stands survives. */
const plays = { ...races, ...crashes };

export type PlayName = keyof typeof plays;

export const playNames = Object.keys(plays) as PlayName[];

/** Not to be called from within a promise. */
export function playDirected(name: PlayName): Played {
  return play(plays[name]);
}
