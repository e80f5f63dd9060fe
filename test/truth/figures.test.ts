import { expect, it } from 'vitest';
import { createFaultLog } from './fault-log.js';
import { createFigures } from './figures.js';
import type { Slot } from './fleet.js';
import { NoAnswer } from './http-connection.js';

function openSlot() {
  const state = { downSince: Number.POSITIVE_INFINITY };
  const slot = { name: 'i1', wasLive: (_: number, end: number) => state.downSince > end } as Slot;
  return { state, slot };
}

it('blames a live instance for a connection that breaks, and names it', () => {
  const figures = createFigures(createFaultLog(), () => 0);
  const { slot } = openSlot();
  expect(figures.answered('GET /', slot, performance.now(), new NoAnswer('broken'))).toBe(false);
  figures.finish();
  expect(figures.illegal).toEqual([expect.stringContaining('GET / on i1: the connection was broken')]);
});

it('does not blame an instance whose end is told a moment after its connections broke', () => {
  const figures = createFigures(createFaultLog(), () => 0);
  const { state, slot } = openSlot();
  figures.answered('GET /', slot, performance.now(), new NoAnswer('broken'));
  state.downSince = performance.now() + 5;
  figures.finish();
  expect(figures.illegal).toEqual([]);
});
