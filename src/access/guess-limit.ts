import { LRUCache } from 'lru-cache';

export interface GuessLimit {
  /** Counts a wrong key. Gives the seconds until the minute is over where there were too many, this one included; else 0. */
  failed(address: string): number;
  /** How many seconds nothing that comes from there is compared with the first key; 0: it is. */
  firstWaitS(address: string): number;
  /** Counts what was compared with the first key and is another. */
  missedFirst(address: string): void;
}

const windowMs = 60_000;
/** Addresses that are remembered. The least recently wrong goes first. */
const maxAddresses = 10_000;
/** Of those past a budget so many are told of in a minute, so that a flood from everywhere does not fill the log. */
const toldPerMinute = 10;
/**
 * How much later than a wrong key is told that there were too many the first key is not compared any more. Whoever holds it shares this budget
 * with everybody behind the same address, so it is wide enough that being wrong now and then locks nobody out.
 */
export const firstFactor = 10;

/**
 * How often an address may be wrong within a minute. There are two budgets, because there are two kinds of keys. One that nobody can guess (192
 * random bits, a signature) is looked at whatever came from its address before: to leave the right one outside would protect nothing. The first
 * key, of ADMIN_API_KEY, was chosen by somebody and may be weak: past the second budget it is not compared at all, not even for an address that
 * has used it, because whoever guesses may sit behind that very address. Each process counts for itself.
 * @param onExceeded told the address once a minute for each budget, and ten times a minute in all
 */
export function createGuessLimit(options: {
  perMinute: number;
  now?: () => number;
  onExceeded?: (address: string, warning: string) => void;
}): GuessLimit {
  const { perMinute, now = () => performance.now(), onExceeded } = options;
  const firstPerMinute = perMinute * firstFactor;
  const wrong = createBudget(now);
  const first = createBudget(now);
  const told = createBudget(now);
  const tell: typeof onExceeded = (address, warning) => {
    if (told.take('all') <= toldPerMinute) onExceeded?.(address, warning);
  };

  return {
    failed(address) {
      if (wrong.take(address) === perMinute + 1) tell(address, 'Too many wrong keys come from one address');
      return wrong.waitS(address, perMinute + 1);
    },
    firstWaitS: (address) => first.waitS(address, firstPerMinute),
    missedFirst(address) {
      if (first.take(address) === firstPerMinute)
        tell(address, 'ADMIN_API_KEY is being guessed: nothing more from this address is compared with it until the minute is over');
    },
  };
}

/** Counts by name, each within a minute that begins with its first. */
function createBudget(now: () => number) {
  const taken = new LRUCache<string, { count: number; endsAt: number }>({ max: maxAddresses });
  return {
    /** One more; gives how many there are now. */
    take(name: string): number {
      let stands = taken.get(name);
      if (!stands || stands.endsAt <= now()) {
        stands = { count: 0, endsAt: now() + windowMs };
        taken.set(name, stands);
      }
      stands.count += 1;
      return stands.count;
    },
    /** Until the minute is over, in seconds, where there are as many as `least` or more; else 0. */
    waitS(name: string, least: number): number {
      const stands = taken.get(name);
      return !stands || stands.count < least || stands.endsAt <= now() ? 0 : Math.ceil((stands.endsAt - now()) / 1000);
    },
  };
}
