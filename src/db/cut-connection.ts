import type { ClientBase } from 'pg';

/** Ends a connection without a goodbye, which would wait for a peer that may be gone, and keep the socket and the process until then. */
export function cutConnection(client: ClientBase): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}
