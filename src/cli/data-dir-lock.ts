import { createHash } from 'node:crypto';
import { realpathSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';

const answerWithinMs = 2_000;

/**
 * Takes a data folder for this process, or returns null where another process has it. The lock is a listening socket: the kernel gives it to
 * one process only and takes it back however that process ends, so it is never stale and no reused pid can be mistaken for its holder.
 */
export async function lockDataDir(dataDir: string): Promise<{ release(): Promise<void> } | null> {
  const path = socketOf(dataDir);
  for (let attempt = 1; ; attempt++) {
    const server = createServer((socket) => socket.destroy());
    const isTaken = await new Promise<boolean>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(true) : reject(error)));
      server.listen(path, () => resolve(false));
    });
    if (!isTaken) {
      server.unref();
      return { release: () => new Promise((resolve) => server.close(() => resolve())) };
    }
    if (attempt === 2 || (await isDataDirLocked(dataDir))) return null;
    if (!isAbstract) rmSync(path, { force: true });
  }
}

/** Whether a process has that data folder at this moment. */
export function isDataDirLocked(dataDir: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketOf(dataDir));
    const settle = (isLocked: boolean) => {
      socket.destroy();
      resolve(isLocked);
    };
    socket.setTimeout(answerWithinMs, () => settle(true));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

/** Linux has sockets with a name and no file (the leading zero byte), which vanish with their process; elsewhere a file stays behind. */
const isAbstract = platform() === 'linux';

function socketOf(dataDir: string): string {
  const name = `truetag-${createHash('sha256').update(realpathSync(dataDir)).digest('hex').slice(0, 32)}`;
  return isAbstract ? `\0${name}` : join(tmpdir(), `${name}.sock`);
}
