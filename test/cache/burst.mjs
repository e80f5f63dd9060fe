import { Agent, get } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * Asks for all `workerData.urls` at once and tells `{ status, body }` of each in their order. Each has a socket of its own, and all sockets
 * are open before the first question goes out: it is reads that come at once, not connections.
 */
const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: Number.POSITIVE_INFINITY });

function ask(url) {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    }).on('error', reject);
  });
}

await Promise.all(workerData.urls.map((url) => ask(new URL('/health/live', url))));
parentPort.postMessage(await Promise.all(workerData.urls.map(ask)));
agent.destroy();
