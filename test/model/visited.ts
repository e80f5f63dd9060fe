/**
 * The states seen so far, by a 64-bit fingerprint: 8 bytes a state instead of its whole encoding. Two different states share a fingerprint with a
 * chance of about n² / 2^65, which is 10^-5 at twenty million states (the compromise of TLC, Yu, Manolios and Lamport 1999).
 */
export interface Visited {
  /** True where these bytes were not there yet. */
  add(bytes: Uint8Array, length: number): boolean;
  size(): number;
}

export function createVisited(): Visited {
  let slots = 1 << 16;
  let high = new Uint32Array(slots);
  let low = new Uint32Array(slots);
  let count = 0;

  /** Where this fingerprint stands, or the free slot for it. */
  function slotOf(h: number, l: number): number {
    let at = (l ^ Math.imul(h, 0x9e3779b1)) & (slots - 1);
    while ((high[at] !== 0 || low[at] !== 0) && (high[at] !== h || low[at] !== l)) at = (at + 1) & (slots - 1);
    return at;
  }

  function grow() {
    const [oldHigh, oldLow] = [high, low];
    slots *= 2;
    high = new Uint32Array(slots);
    low = new Uint32Array(slots);
    for (let i = 0; i < oldHigh.length; i++) {
      const h = oldHigh[i] as number;
      const l = oldLow[i] as number;
      if (h === 0 && l === 0) continue;
      const at = slotOf(h, l);
      high[at] = h;
      low[at] = l;
    }
  }

  return {
    add(bytes, length) {
      let h = 0x811c9dc5;
      let l = 0x9747b28c;
      for (let i = 0; i < length; i++) {
        const byte = bytes[i] as number;
        h = Math.imul(h ^ byte, 0x01000193);
        l = Math.imul(l ^ (byte + 0x51), 0x85ebca6b);
        l = (l << 13) | (l >>> 19);
      }
      h = mix(h ^ (l >>> 7));
      l = mix(l ^ 0x27d4eb2f);
      if (h === 0 && l === 0) l = 1;
      const at = slotOf(h, l);
      if (high[at] !== 0 || low[at] !== 0) return false;
      high[at] = h;
      low[at] = l;
      count += 1;
      if (count * 2 > slots) grow();
      return true;
    },
    size: () => count,
  };
}

/** The finaliser of MurmurHash3: every input bit reaches every output bit. */
function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}
