import { createServer } from 'node:http';

export interface MetricsServer {
  url: string;
  close(): Promise<void>;
}

/**
 * GET /metrics on a port of its own, so that what the service tells of itself is not behind the door that its customers use.
 * @throws an Error of one line that says what to do where it cannot listen
 */
export async function serveMetrics(options: {
  host: string;
  port: number;
  contentType: string;
  render: () => Promise<string>;
  onError: (error: unknown) => void;
}): Promise<MetricsServer> {
  const { host, port } = options;
  const server = createServer({ headersTimeout: 5000, requestTimeout: 5000, keepAliveTimeout: 75_000 }, (request, response) => {
    const answer = (status: number, body: string, headers: Record<string, string> = {}) => {
      const content = request.method === 'HEAD' ? '' : body;
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', ...headers }).end(content);
    };
    request.resume();
    if (request.url?.split('?')[0] !== '/metrics') return answer(404, 'The metrics are at /metrics\n');
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'GET /metrics\n', { allow: 'GET, HEAD' });
    options.render().then(
      (text) => answer(200, text, { 'content-type': options.contentType }),
      (error: unknown) => {
        options.onError(error);
        answer(500, 'The metrics could not be read; the log says why\n');
      },
    );
  });
  // Prometheus needs one, and a person another.
  server.maxConnections = 32;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, host, port)));
    server.listen({ host, port }, resolve);
  });
  // A connection that cannot be taken is that client's loss; without a listener it would end the process.
  server.on('error', options.onError);
  const address = server.address();
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const bound = typeof address === 'object' && address ? address.port : port;
  return {
    url: `http://${shown.includes(':') ? `[${shown}]` : shown}:${bound}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const other = port < 65535 ? port + 1 : 9464;
  if (error.code === 'EADDRINUSE')
    return new Error(`The metrics port ${port} is taken. Stop what listens there or choose another: METRICS_PORT=${other}`);
  if (error.code === 'EACCES') return new Error(`The metrics port ${port} may not be opened by this user. Choose one above 1023: METRICS_PORT=9464`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return new Error(`${host} is no address of this machine: set METRICS_HOST to 127.0.0.1 or 0.0.0.0`);
  return error;
}
