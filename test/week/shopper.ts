import { expect } from 'vitest';
import { asAdmin } from '../harness/service.js';
import { until } from '../held-request.js';

/** No answer of the service comes later, whatever the fault. */
const withinMs = 10_000;
/** Products that are created at the same time. */
const atOnce = 8;

export interface Answer {
  status: number;
  code: string | undefined;
  cache: string | null;
  retryAfter: string | null;
  body: {
    id?: string;
    variants?: { id: string; price: { amount: number } }[];
    data?: { slug: string; price: { amount: number } | null }[];
    status?: string;
  };
}

/** Rejects where there is no answer in time, or none at all. */
export async function send(method: string, url: string, body?: object, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(url, {
    method,
    ...(body === undefined ? { headers } : { headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(withinMs),
  });
  const text = await response.text();
  const parsed = text === '' ? {} : JSON.parse(text);
  return {
    status: response.status,
    code: parsed.code,
    cache: response.headers.get('cache-status'),
    retryAfter: response.headers.get('retry-after'),
    body: parsed,
  };
}

export const read = (server: { url: string }, slug: string) => send('GET', `${server.url}/v1/products/${slug}`);
export const list = (server: { url: string }, query: string) => send('GET', `${server.url}/v1/products?${query}`);
export const ready = (server: { url: string }) => send('GET', `${server.url}/health/ready`);
export const amountOf = ({ body }: Answer) => body.variants?.[0]?.price.amount;

export function setPrice(server: { url: string }, variantId: string, amount: number): Promise<Answer> {
  return send('PATCH', `${server.url}/v1/admin/variants/${variantId}/price`, { currency: 'USD', amount }, asAdmin);
}

export function quote(server: { url: string }, variantId: string): Promise<Answer> {
  return send('POST', `${server.url}/v1/quotes`, { currency: 'USD', lines: [{ variantId, quantity: 1 }] });
}

export interface Stocked {
  id: string;
  slug: string;
  variantId: string;
  sku: string;
  amount: number;
}

/** Creates products named `<name>-1` and so on, each with one variant at 1000 plus its number. */
export async function stock(server: { url: string }, name: string, count: number): Promise<Stocked[]> {
  async function create(i: number) {
    const product = {
      title: `Week ${name} ${i}`,
      slug: `${name}-${i}`,
      status: 'active',
      variants: [{ sku: `SKU-${name}-${i}`, price: { currency: 'USD', amount: 1000 + i } }],
    };
    const { status, body } = await send('POST', `${server.url}/v1/admin/products`, product, asAdmin);
    if (status !== 201) throw new Error(`a product could not be created: ${status} ${JSON.stringify(body)}`);
    const [id, variantId] = [body.id as string, body.variants?.[0]?.id as string];
    return { id, slug: `${name}-${i}`, variantId, sku: `SKU-${name}-${i}`, amount: 1000 + i };
  }
  const products = [];
  for (let from = 1; from <= count; from += atOnce) {
    products.push(...(await Promise.all(Array.from({ length: Math.min(atOnce, count - from + 1) }, (_, i) => create(from + i)))));
  }
  return products;
}

/** Until memory answers: the lease is held and nothing blocks the product. */
export const untilHit = (server: { url: string }, slug: string) =>
  until(
    () => read(server, slug),
    ({ cache }) => cache === 'truetag; hit; detail=memory',
  );

/** A refusal that a client can live with. */
export const politely = { status: 503, retryAfter: expect.stringMatching(/^\d+$/) };
