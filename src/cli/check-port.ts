import { createServer } from 'node:net';

/**
 * Whether the service could listen there, asked before anything else is started.
 * @throws Error with one line that says what to do
 */
export function checkPort(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => reject(explainListenFault(error, host, port) ?? error));
    server.listen({ host, port }, () => server.close(() => resolve()));
  });
}

/** What to do about an error of `listen`, as an error of one line; null where it is none of those. */
export function explainListenFault(error: unknown, host: string, port: number): Error | null {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const other = port < 65535 ? port + 1 : 3000;
  if (code === 'EADDRINUSE') return new Error(`Port ${port} is taken. Stop what listens there or choose another: PORT=${other} npm start`);
  if (code === 'EACCES') return new Error(`Port ${port} may not be opened by this user. Choose one above 1023: PORT=3000 npm start`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return new Error(`${host} is no address of this machine: set HOST to 127.0.0.1 or 0.0.0.0`);
  return null;
}
