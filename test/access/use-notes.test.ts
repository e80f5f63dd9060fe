import { describe, expect, it } from 'vitest';
import type { StoredKey } from '../../src/access/ports.js';
import { createUseNotes } from '../../src/access/use-notes.js';

const key = (lastUsedAt: Date | null): StoredKey => ({
  ...{ id: '01890000-0000-7000-8000-000000000001', prefix: 'ttk_0000000001', name: 'feed', scopes: ['prices:write'], createdBy: 'cli' },
  ...{ createdAt: new Date(0), expiresAt: null, revokedAt: null, replacedBy: null, lastUsedAt },
});

function notes({ isBroken = false } = {}) {
  const clock = { ms: Date.UTC(2026, 0, 1) };
  const noted: string[] = [];
  const errors: Error[] = [];
  const note = createUseNotes({
    keys: {
      async noteUse(_id, at) {
        if (isBroken) throw new Error('away');
        noted.push(at.toISOString());
      },
    },
    now: () => new Date(clock.ms),
    onError: (error) => errors.push(error),
  });
  return { clock, noted, errors, note };
}

describe('the last use of a key', () => {
  it('is written once a minute, however often it is used', () => {
    const { clock, noted, note } = notes();
    for (let i = 0; i < 120; i += 1, clock.ms += 1_000) note(key(null));
    expect(noted).toEqual(['2026-01-01T00:00:00.000Z', '2026-01-01T00:01:00.000Z']);
  });

  it('is not written where another instance has just done so', () => {
    const { clock, noted, note } = notes();
    note(key(new Date(clock.ms - 59_999)));
    expect(noted).toEqual([]);
    note(key(new Date(clock.ms - 60_000)));
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
