/**
 * Lets `count` customers read a price and order at it, `atOnce` at a time. What a customer is charged is what the shop has shown.
 *
 * @param readPrice asks once, for the customer of this number
 * @returns orders by the amount charged, failures by reason, how long it all took, and `oldAt`: monotonic ms at which the last customer came who
 * was shown `oldAmount`, null where none was
 */
export async function letOrder({ count, atOnce, readPrice, oldAmount }) {
  const charged = new Map();
  const failures = new Map();
  const beganAt = performance.now();
  let next = 0;
  let oldAt = null;
  async function serve() {
    while (next < count) {
      const customer = next++;
      const cameAt = performance.now();
      try {
        const amount = await readPrice(customer);
        charged.set(amount, (charged.get(amount) ?? 0) + 1);
        if (amount === oldAmount) oldAt = Math.max(oldAt ?? 0, cameAt);
      } catch (error) {
        failures.set(error.message, (failures.get(error.message) ?? 0) + 1);
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, serve));
  return { charged, failures, oldAt, tookMs: performance.now() - beganAt };
}
