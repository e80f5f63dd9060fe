/** Opens the file from its beginning. It is opened once to check it and again to read it, so a streamed upload is spooled first. */
export type ImportSource = () => AsyncIterable<Uint8Array>;

export interface ImportProgress {
  /** `check` while the file is read to see whether it can be read at all, `read` while products come out of it. */
  phase: 'check' | 'read';
  /** Bytes of the file behind us in this phase. */
  bytes: number;
}

export interface ImportOptions {
  /** ISO 4217 code of the prices, where the format does not say it itself. */
  currency: string;
  /** How much of the file may wait in memory for later rows of the same products: 64 MiB unless told. */
  maxWaitingBytes?: number | undefined;
  onProgress?: ((progress: ImportProgress) => void) | undefined;
}
