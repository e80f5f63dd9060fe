/** How often one method of one route was answered. Plain numbers, because every request pays for them. */
export interface RouteTally {
  method: string;
  route: string;
  /** By the first digit of the status. */
  classes: [number, number, number, number, number, number];
}

export function createTally(method: string, route: string): RouteTally {
  return { method, route, classes: [0, 0, 0, 0, 0, 0] };
}

export function count({ classes }: RouteTally, status: number): void {
  const hundreds = Math.floor(status / 100);
  if (hundreds >= 1 && hundreds <= 5) classes[hundreds as 1] += 1;
}
