// The thread that carries the run's fault proxies.
import { parentPort } from 'node:worker_threads';
import { createFaultProxy, type FaultProxy } from './fault-proxy.js';
import type { LinkOrder } from './links.js';

const proxies = new Map<number, FaultProxy>();

async function obey(order: LinkOrder): Promise<unknown> {
  if (order.call === 'open') {
    const proxy = await createFaultProxy(order.target);
    proxies.set(proxy.port, proxy);
    return proxy.port;
  }
  const proxy = proxies.get(order.port);
  if (!proxy) throw new Error(`there is no proxy on port ${order.port}`);
  if (order.call === 'set') return proxy.set(order.mode, order.delayMs);
  if (order.call === 'retarget') return proxy.retarget(order.target);
  return proxy[order.call]();
}

parentPort?.on('message', async ({ id, ...order }: { id: number } & LinkOrder) => {
  try {
    parentPort?.postMessage({ id, value: await obey(order as LinkOrder) });
  } catch (error) {
    parentPort?.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
