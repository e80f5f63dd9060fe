import { describe, expect, it } from 'vitest';
import { createUseNotes } from '../../src/access/use-notes.js';

const key = (unusedMs: number | null) => ({ id: '01890000-0000-7000-8000-000000000001', unusedMs });

function notes({ isBroken = false } = {}) {
  const clock = { ms: 5_000 };
  const noted: number[] = [];
  const errors: Error[] = [];
  const note = createUseNotes({
    keys: {
      async noteUse() {
        if (isBroken) throw new Error('away');
        noted.push(clock.ms);
      },
    },
    now: () => clock.ms,
    onError: (error) => errors.push(error),
  });
  return { clock, noted, errors, note };
}

describe('the last use of a key', () => {
  it('is written once a minute, however often it is used', () => {
    const { clock, noted, note } = notes();
    for (let i = 0; i < 120; i += 1, clock.ms += 1_000) note(key(null));
    expect(noted).toEqual([5_000, 65_000]);
  });

  it('is not written where another instance has just done so', () => {
    const { noted, note } = notes();
    note(key(59_999));
    expect(noted).toEqual([]);
    note(key(60_000));
    expect(noted).toHaveLength(1);
  });

  it('fails no request where it cannot be written, and is tried again a minute later', async () => {
    const { clock, errors, note } = notes({ isBroken: true });
    for (const afterMs of [0, 1_000, 59_000]) {
      clock.ms += afterMs;
      expect(note(key(null))).toBeUndefined();
    }
    await new Promise(setImmediate);
    expect(errors.map(({ message }) => message)).toEqual(['away', 'away']);
  });
});
