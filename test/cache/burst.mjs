import { Agent, get } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

/** Asks for all `workerData.urls` at once, each over a socket of its own, and tells `{ status, body }` of each in their order. */
const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });

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

parentPort.postMessage(await Promise.all(workerData.urls.map(ask)));
