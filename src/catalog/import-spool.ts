import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError, isAppError } from '../errors.js';

/** Keeps uploads in the temporary folder, because a file is read twice. */
export interface Spool {
  /** Throws `too_large`. */
  refuseLarger(bytes: number): void;
  /**
   * The path of a file that holds the upload, for the caller to remove. What is refused leaves no file behind, and the upload open, because the
   * answer goes out over the same connection. Throws `too_large`, `invalid` where the upload breaks off, `no_room` where it does not fit, `busy`
   * where no file can be opened, and the AppError with which the upload ends.
   */
  take(upload: Readable): Promise<string>;
}

/** What the system says of a folder that takes nothing more. */
const full = /^(ENOSPC|EDQUOT|EFBIG|EROFS)$/;
/** What it says where this process, or the machine, has too many files open. */
const tooManyOpen = /^(EMFILE|ENFILE)$/;

/** @param open makes the file */
export function createSpool({
  maxUploadBytes = 1024 ** 3,
  open = openFile,
}: {
  maxUploadBytes?: number;
  open?: (path: string) => Writable;
} = {}): Spool {
  function refuseLarger(bytes: number): void {
    if (bytes > maxUploadBytes) throw new AppError('too_large', `An import file may have at most ${maxUploadBytes} bytes`);
  }

  async function* bounded(upload: Readable): AsyncIterable<Buffer> {
    let bytes = 0;
    for await (const chunk of upload.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      refuseLarger(bytes);
      yield chunk;
    }
  }

  return {
    refuseLarger,
    async take(upload) {
      const path = join(tmpdir(), `truetag-import-${randomUUID()}`);
      try {
        await pipeline(bounded(upload), open(path));
        return path;
      } catch (error) {
        await rm(path, { force: true });
        // It is too large, or was given up because it did not come.
        if (isAppError(error)) throw error;
        if (upload.readableAborted) throw new AppError('invalid', 'The upload broke off', { cause: error });
        if (full.test(codeOf(error))) {
          throw new AppError('no_room', 'The temporary folder has no room for this file: nothing was imported. Try again when there is', {
            cause: error,
          });
        }
        if (tooManyOpen.test(codeOf(error))) {
          throw new AppError('busy', 'Too many files and connections are open: nothing was imported; try again', { cause: error });
        }
        throw error;
      }
    },
  };
}

function openFile(path: string): Writable {
  return createWriteStream(path, { mode: 0o600 });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
