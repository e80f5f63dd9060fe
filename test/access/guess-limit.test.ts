import { describe, expect, it } from 'vitest';
import { createGuessLimit } from '../../src/access/guess-limit.js';

function limit(perMinute = 3) {
  const clock = { ms: 1_000_000 };
  return { clock, ...createGuessLimit({ perMinute, now: () => clock.ms }) };
}

describe('the limit on guesses', () => {
  it('looks at as many wrong keys as it says, and at nothing more until the minute is over', () => {
    const { clock, waitS, failed } = limit();
    expect([failed('a'), failed('a')]).toEqual([0, 0]);
    expect(waitS('a', 'env')).toBe(0);
    expect(failed('a')).toBe(0);
    expect(waitS('a', 'env')).toBe(60);
    clock.ms += 59_001;
    expect(waitS('a', 'env')).toBe(1);
    clock.ms += 999;
    expect(waitS('a', 'env')).toBe(0);
  });

  it('begins to count anew after the minute', () => {
    const { clock, waitS, failed } = limit();
    for (let i = 0; i < 5; i += 1) failed('a');
    clock.ms += 60_000;
    expect(failed('a')).toBe(0);
    expect(waitS('a', 'env')).toBe(0);
  });

  it('counts each address for itself', () => {
    const { waitS, failed } = limit();
    for (let i = 0; i < 5; i += 1) failed('a');
    expect(waitS('a', 'env')).toBeGreaterThan(0);
    expect(waitS('b', 'env')).toBe(0);
  });

  it('goes on taking a key that has been used from the address, and no other', () => {
    const { waitS, failed, passed } = limit();
    passed('a', 'one');
    for (let i = 0; i < 5; i += 1) failed('a');
    expect([waitS('a', 'one'), waitS('a', 'two'), waitS('a', 'env')]).toEqual([0, 60, 60]);
    passed('b', 'two');
    expect(waitS('a', 'two')).toBe(60);
  });

  it('says of a wrong key that it was one too many, also where it is looked at', () => {
    const { failed, passed } = limit();
    passed('a', 'one');
    expect([failed('a'), failed('a'), failed('a'), failed('a')]).toEqual([0, 0, 0, 60]);
  });

  it('takes the addresses of one IPv6 network for one', () => {
    const { waitS, failed } = limit();
    for (const address of ['2001:db8:0:7::1', '2001:db8::7:1:2:3:4', '2001:db8:0:7:ffff:ffff:ffff:ffff']) failed(address);
    expect(waitS('2001:db8:0:7::99', 'env')).toBe(60);
    for (const address of ['2001:db8:0:8::1', '2001:db8::1', '::1', '::ffff:10.0.0.1', '10.0.0.1']) expect(waitS(address, 'env')).toBe(0);
  });

  it('remembers no more than ten thousand addresses', () => {
    const { waitS, failed } = limit(1);
    failed('first');
    for (let i = 0; i < 10_000; i += 1) failed(`address ${i}`);
    expect(waitS('first', 'env')).toBe(0);
    expect(waitS('address 9999', 'env')).toBe(60);
  });
});
