export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Scrape {
  text: string;
  samples: Sample[];
  /** What a metric is, by the name of its HELP and TYPE lines. */
  families: Map<string, { type: string; help: string }>;
  /** The sum of the samples of that name whose labels are (at least) these; undefined where there is none. */
  value(name: string, labels?: Record<string, string>): number | undefined;
}

/** Reads /metrics as Prometheus does. */
export async function scrape(url: string): Promise<Scrape> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`);
  return parse(await answer.text());
}

function parse(text: string): Scrape {
  const families: Scrape['families'] = new Map();
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const [, kind, family = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind) {
      const known = families.get(family) ?? { type: '', help: '' };
      families.set(family, { ...known, [kind.toLowerCase()]: rest });
    } else if (line !== '') {
      const [, name = '', labels = '', value = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (name === '') throw new Error(`no line of an exposition: ${line}`);
      samples.push({
        name,
        labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text])),
        value: Number(value),
      });
    }
  }
  return {
    text,
    families,
    samples,
    value(name, labels = {}) {
      const found = samples.filter(
        (sample) => sample.name === name && Object.entries(labels).every(([key, wanted]) => sample.labels[key] === wanted),
      );
      return found.length === 0 ? undefined : found.reduce((sum, sample) => sum + sample.value, 0);
    },
  };
}
