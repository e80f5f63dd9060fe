const dollars = (amount) => `$${(amount / 100).toLocaleString('en-US', { minimumFractionDigits: 2 })}`;
const count = (number) => number.toLocaleString('en-US');

/** Both shops side by side as text, and whether every customer of Truetag was shown the new price. */
export function report({ results, oldAmount, newAmount }) {
  const columns = results.map(({ shop, charged, failures, tookMs, oldForMs, lifeLeftMs }) => {
    const atOld = charged.get(oldAmount) ?? 0;
    const orders = [...charged.values()].reduce((sum, of) => sum + of, 0);
    const lost = [...charged].reduce((sum, [amount, of]) => sum + (newAmount - amount) * of, 0);
    const refused = [...failures.values()].reduce((sum, of) => sum + of, 0);
    return {
      shop,
      isTrue: atOld === 0 && lost === 0 && refused === 0,
      cells: [
        shop.title,
        [...charged.keys()].map(dollars).join(' and ') || 'none',
        count(orders),
        count(atOld),
        dollars(lost),
        endOf(oldForMs, lifeLeftMs),
        `${(tookMs / 1000).toFixed(1)} s`,
        count(refused),
      ],
      reasons: [...failures].map(([reason, of]) => `${shop.title}, ${of} times: ${reason}`),
    };
  });
  const names = ['', 'price charged', 'orders', 'at the old price', 'money lost', 'old price shown', 'served within', 'answered with no price'];
  const lines = names.map((name, row) => [name, ...columns.map(({ cells }) => cells[row])]);
  const text = [
    `The price rose from ${dollars(oldAmount)} to ${dollars(newAmount)}, acknowledged by both shops, while the cache could not be told.`,
    '',
    ...lines.map(([name, ...cells]) => `  ${name.padEnd(24)}${cells.map((cell) => cell.padStart(32)).join('')}`),
    ...columns.flatMap(({ reasons }) => reasons),
  ].join('\n');
  return { text: `${text}\n`, isTrue: columns.filter(({ shop }) => shop.isTruetag).every(({ isTrue }) => isTrue) };
}

function endOf(oldForMs, lifeLeftMs) {
  if (lifeLeftMs !== null) return `for ${Math.floor(lifeLeftMs / 60_000)} min ${Math.floor((lifeLeftMs % 60_000) / 1000)} s more`;
  return oldForMs === null ? 'never' : `for ${(oldForMs / 1000).toFixed(2)} s after the write`;
}
