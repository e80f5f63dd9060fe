import { nameOf } from './postgres.js';
import { answered, asking, free, isLost, loading, nibble, type State, told } from './state.js';

/** A state in words, for traces. `v2` is the document that the second commit made; tokens are letters. */
export function describe(s: State): Record<string, string> {
  const words: Record<string, string> = {
    pair: `P${s.pair}`,
    committed: value(s, s.now.value),
    blocks: tokens(s.now.blocks),
    'not to be fallen behind': `v${s.floor}`,
  };
  if (s.crashesLeft > 0) words['a crash would leave'] = `${value(s, s.flushed.value)}, blocks ${tokens(s.flushed.blocks)}`;
  if (s.now.settled > 0) words['settled'] = `P${s.now.settled - 1}`;
  s.instances.forEach((i, at) => {
    words[`i${at} lease`] = i.lease > 0 ? `${i.lease} ticks` : 'none';
    words[`i${at} memory`] = i.memory === 0 ? 'empty' : i.memory === i.body ? value(s, i.memory - 1) : `v${i.body - 1} named v${i.memory - 1}`;
    words[`i${at} blocked by`] = tokens(i.blocked);
    words[`i${at} row`] = nibble(s.now.beats, at) > 0 ? 'in the registry' : 'none';
    if (i.renewal === answered) words[`i${at} reply under way`] = `blocks ${tokens(i.replyBlocks)} of P${i.replyPair}`;
  });
  s.readers.forEach((r, at) => {
    if (r.phase === free) return;
    const seen =
      r.phase === asking ? 'sent' : r.phase === told ? `sees v${r.version}` : r.phase === loading ? `v${r.body} named v${r.label}` : 'half read';
    words[`read ${at} on i${r.instance}`] = `${seen}, began at v${r.floor}${r.isOutdated ? ', not to be installed' : ''}`;
  });
  s.writers.forEach((w, at) => {
    if (w.needed > 0) words[`w${at} waits for`] = s.instances.flatMap((_, i) => (w.needed & (1 << i) ? [`i${i}`] : [])).join(' ');
  });
  return words;
}

const tokens = (mask: number) => `{${nameOf(mask)}}`;
const value = (s: State, v: number) => (isLost(s, v) ? `v${v} (lost)` : `v${v}`);
