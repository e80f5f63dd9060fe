import type { Edit } from './edit.js';

/** One rule broken on purpose, by changing the source that keeps it. Each must be caught. */
export interface Sabotage {
  /** What no longer holds. */
  breaks: string;
  edits: readonly Edit[];
}

/** THE TABLE of sabotages that a run of real processes catches by chance alone, given time. */
export const sabotages: Readonly<Record<string, Sabotage>> = {
  'body-of-any-version': {
    breaks: 'a body from Redis is used only at the version and token that Postgres has just named',
    edits: [
      {
        file: 'src/cache/document-bodies.ts',
        from: 'if (stored === null || stored === down || stored.version !== version.version || stored.token !== version.token) return null;',
        to: 'if (stored === null || stored === down) return null;',
      },
    ],
  },
  'join-of-a-sent-query': {
    breaks: 'a reader joins only a version query that has not been sent',
    edits: [
      {
        file: 'src/cache/version-lane.ts',
        from: 'const last = line.at(-1);',
        to: 'const last = sent && lookups.every((lookup) => sent?.lookups.has(lookup)) ? sent : line.at(-1);',
      },
      {
        file: 'src/cache/version-lane.ts',
        from: 'for (let batch = line.shift(); batch; batch = line.shift()) await batch.send();',
        to: 'for (let batch = line.shift(); batch; batch = line.shift()) { sent = batch; await batch.send(); sent = undefined; }',
      },
      {
        file: 'src/cache/version-lane.ts',
        from: 'const line: Batch<Mark>[] = [];',
        to: 'const line: Batch<Mark>[] = []; let sent: Batch<Mark> | undefined;',
      },
      {
        file: 'src/cache/version-lane.ts',
        from: 'if (last && last.lookups.size + lookups.length <= tuning.versionBatch) {',
        to: 'if (last && (last === sent || last.lookups.size + lookups.length <= tuning.versionBatch)) {',
      },
    ],
  },
  'cached-304': {
    breaks: 'a 304 is a read and takes the same path',
    edits: [
      {
        file: 'src/routes/products.ts',
        from: 'const answer = await products.findBySlug(slug, currency);',
        to: `const held = request.headers['if-none-match'];
      if (held !== undefined) return reply.header('etag', held).code(304).send(undefined);
      const answer = await products.findBySlug(slug, currency);`,
      },
    ],
  },
  'body-and-version-of-two-statements': {
    breaks: 'body and version come from one snapshot',
    edits: [
      {
        file: 'src/cache/document-bodies.ts',
        from: "return new Map([...documents].map(([id, body]) => [id, { body, outcome: 'miss', asOf }]));",
        to: `await new Promise((resolve) => setTimeout(resolve, 5));
    const later = await source.versions([...documents.keys()].map((id) => \`id:\${id}\`));
    return new Map([...documents].map(([id, body]) => {
      const named = later.get(\`id:\${id}\`);
      return [id, { body: { ...body, ...named, json: body.json.replace(/"version":\\s*\\d+/, \`"version":\${named?.version ?? body.version}\`) }, outcome: 'miss', asOf }];
    }));`,
      },
    ],
  },
};
