/** What a sabotaged bundle of the simulation gives to its test. */
export { playDirected } from './directed.js';
export { runSchedule } from './explore.js';
