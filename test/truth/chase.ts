/** Slugs to look at now, for readers that have nothing else to do: they are free at the moment that matters even where every other read hangs. */
export interface Chase {
  push(slug: string): void;
  /** Null once closed. */
  take(): Promise<string | null>;
  close(): void;
}

const kept = 20;

export function createChase(): Chase {
  const slugs: string[] = [];
  const idle: ((slug: string | null) => void)[] = [];
  let isClosed = false;
  return {
    push(slug) {
      const reader = idle.shift();
      if (reader) reader(slug);
      else {
        slugs.push(slug);
        if (slugs.length > kept) slugs.shift();
      }
    },
    take() {
      const slug = slugs.shift();
      if (slug !== undefined || isClosed) return Promise.resolve(slug ?? null);
      return new Promise((resolve) => idle.push(resolve));
    },
    close() {
      isClosed = true;
      for (const reader of idle.splice(0)) reader(null);
    },
  };
}
