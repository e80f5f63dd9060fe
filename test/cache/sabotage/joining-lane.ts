import { createVersionLane, type LaneAnswer, type VersionLane } from '../../../src/cache/version-lane.js';

/** A lane that lets readers join the query of whoever asked before them, sent or not: coalescing as it is usually written. */
export function createJoiningLane<Mark>(options: Parameters<typeof createVersionLane<Mark>>[0]): VersionLane<Mark> {
  const lane = createVersionLane<Mark>(options);
  const flights = new Map<string, Promise<LaneAnswer<Mark>>>();
  return {
    ...lane,
    ask(lookups) {
      const key = lookups.join();
      const flight = flights.get(key) ?? lane.ask(lookups).finally(() => flights.delete(key));
      flights.set(key, flight);
      return flight;
    },
  };
}
