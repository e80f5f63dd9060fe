import fc from 'fast-check';
import type { Value } from './plan.js';

/** One call of a journey, as an HTTP client would make it. */
export interface Call {
  call: string;
  id?: string;
  query?: [string, Value][];
  headers?: [string, string][];
  json?: unknown;
}

/** Sends a call and gives its answer; what the document says of it has been held against it by then. */
export type Caller = (call: Call) => Promise<{ status: number; headers: [string, string][]; json: unknown }>;

type Step =
  | { step: 'read' | 'unchanged' | 'archive' | 'revive' | 'quote' | 'stale' | 'listed' }
  | { step: 'price'; amount: number }
  | { step: 'stock'; quantity: number }
  | { step: 'rename'; to: string }
  | { step: 'retitle'; title: string };

const sizes = ['S', 'M', 'L'];
const title = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .filter((text) => /[^\s\0]/.test(text) && text.isWellFormed() && !text.includes('\0'));

export const journeys = fc.record({
  title,
  amounts: fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 3 }),
  steps: fc.array(
    fc.oneof(
      fc.constantFrom('read', 'unchanged', 'archive', 'revive', 'quote', 'stale', 'listed').map((step) => ({ step }) as Step),
      fc.nat(1_000_000).map((amount): Step => ({ step: 'price', amount })),
      fc.integer({ min: -5, max: 1_000 }).map((quantity): Step => ({ step: 'stock', quantity })),
      fc.stringMatching(/^[a-z]{1,6}$/).map((to): Step => ({ step: 'rename', to })),
      title.map((text): Step => ({ step: 'retitle', title: text })),
    ),
    { minLength: 3, maxLength: 8 },
  ),
});
export type Journey = typeof journeys extends fc.Arbitrary<infer T> ? T : never;

/**
 * Makes a product and changes it step by step, with what it must be by then in mind. Nobody else knows its id.
 * @param name no other journey of the run has it
 * @throws Error with the first answer that is not the one that the steps before it call for
 */
export async function travel({ title: first, amounts, steps }: Journey, name: string, send: Caller): Promise<void> {
  const at = { slug: name, old: [] as string[], status: 'active', title: first.trim(), amounts: [...amounts], version: 1, renames: 0 };
  const variants = amounts.map((amount, i) => ({
    sku: `${name}-${i}`,
    quantity: 5,
    options: { Size: sizes[i] },
    price: { amount, currency: 'USD' },
  }));
  const made = await send({ call: 'POST /v1/admin/products', json: { slug: name, title: first, status: 'active', variants } });
  expectStatus('create', made.status, 201);
  const { id, variants: own } = made.json as { id: string; variants: { id: string }[] };
  const variantId = own[0]?.id ?? '';

  /** A write that changes something raises the version, one that does not leaves it. */
  async function write(step: string, call: Call, isChange: boolean): Promise<void> {
    const { status, json } = await send(call);
    expectStatus(step, status, 200);
    const { version } = json as { version?: number };
    if (isChange) at.version += 1;
    if (version !== undefined && version !== at.version) throw new Error(`${step}: version ${version} where ${at.version} is due`);
  }
  const patch = (step: string, json: object, isChange: boolean) => write(step, { call: 'PATCH /v1/admin/products/{id}', id, json }, isChange);

  async function read(): Promise<void> {
    const { status, json } = await send({ call: 'GET /v1/products/{slug}', id: at.slug });
    expectStatus('read', status, at.status === 'active' ? 200 : 404);
    if (status !== 200) return;
    const shown = json as { version: number; title: string; variants: { price: { amount: number } }[] };
    const seen = JSON.stringify([shown.version, shown.title, shown.variants.map(({ price }) => price.amount)]);
    const due = JSON.stringify([at.version, at.title, at.amounts]);
    if (seen !== due) throw new Error(`read: ${seen} where ${due} is due`);
    for (const old of at.old) {
      const moved = await send({ call: 'GET /v1/products/{slug}', id: old });
      expectStatus('an old slug', moved.status, 301);
      const location = moved.headers.find(([given]) => given === 'location')?.[1];
      if (location !== `/v1/products/${at.slug}`) throw new Error(`an old slug leads to ${location}`);
    }
  }

  const take: { [Name in Step['step']]: (step: Extract<Step, { step: Name }>) => Promise<void> } = {
    read,
    async unchanged() {
      const { headers, status } = await send({ call: 'GET /v1/products/{slug}', id: at.slug });
      const etag = headers.find(([given]) => given === 'etag')?.[1];
      if (status !== 200 || etag === undefined) return;
      const again = await send({ call: 'GET /v1/products/{slug}', id: at.slug, headers: [['if-none-match', etag]] });
      expectStatus('unchanged', again.status, 304);
    },
    async archive() {
      await write('archive', { call: 'DELETE /v1/admin/products/{id}', id }, at.status !== 'archived');
      at.status = 'archived';
    },
    async revive() {
      await patch('revive', { status: 'active' }, at.status !== 'active');
      at.status = 'active';
    },
    async quote() {
      const json = { currency: 'USD', lines: [{ variantId, quantity: 2 }] };
      const quoted = await send({ call: 'POST /v1/quotes', json });
      expectStatus('quote', quoted.status, 200);
      const total = (quoted.json as { total: { amount: number } | null }).total?.amount;
      const due = at.status === 'active' ? 2 * (at.amounts[0] ?? 0) : undefined;
      if (total !== due) throw new Error(`quote: ${total} where ${due} is due`);
    },
    async stale() {
      const headers: [string, string][] = [['if-match', `"${at.version + 1}"`]];
      const { status } = await send({ call: 'PATCH /v1/admin/products/{id}', id, headers, json: { title: 'never' } });
      expectStatus('stale', status, 412);
    },
    async listed() {
      const { status, json } = await send({ call: 'GET /v1/admin/variants', query: [['sku', `${name}-0`]] });
      expectStatus('listed', status, 200);
      const found = (json as { data: { variantId: string }[] }).data.map((variant) => variant.variantId);
      if (found.join() !== variantId) throw new Error(`listed: ${found.join()} where ${variantId} is due`);
    },
    async price({ amount }) {
      const isChange = at.amounts[0] !== amount;
      at.amounts[0] = amount;
      await write('price', { call: 'PATCH /v1/admin/variants/{id}/price', id: variantId, json: { currency: 'USD', amount } }, isChange);
    },
    async stock({ quantity }) {
      const { status } = await send({ call: 'PUT /v1/admin/inventory/{variantId}', id: variantId, json: { quantity } });
      expectStatus('stock', status, 200);
      // Whether this was a change of the product is for the stock to say.
      const { json } = await send({ call: 'GET /v1/admin/products/{id}', id });
      at.version = (json as { version: number }).version;
    },
    async rename({ to }) {
      at.renames += 1;
      const slug = `${name}-${to}-${at.renames}`;
      await patch('rename', { slug }, true);
      at.old.push(at.slug);
      at.slug = slug;
    },
    async retitle({ title: next }) {
      await patch('retitle', { title: next }, at.title !== next.trim());
      at.title = next.trim();
    },
  };
  for (const step of steps) await (take[step.step] as (step: Step) => Promise<void>)(step);
  await read();
}

function expectStatus(step: string, status: number, due: number): void {
  if (status !== due) throw new Error(`${step}: ${status} where ${due} is due`);
}
