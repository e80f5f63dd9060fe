import type { DocumentBody, DocumentSource } from '../../src/cache/document-bodies.js';

/** A source that answers at once from what stands in it, and counts. */
export interface TableSource extends DocumentSource {
  sent: { versions: number; documents: number };
  /** Commits a document: it stands from now on, under its slug alone. */
  commit(document: DocumentBody): DocumentBody;
}

export function createTableSource(...documents: DocumentBody[]): TableSource {
  const stands = new Map(documents.map((document) => [document.id, document]));
  const sent = { versions: 0, documents: 0 };
  return {
    sent,
    commit(document) {
      stands.set(document.id, document);
      return document;
    },
    async versions(lookups) {
      sent.versions += 1;
      const named = [...stands.values()].flatMap(({ json: _, ...version }) => [
        [`id:${version.id}`, version] as const,
        [`slug:${version.slug}`, version] as const,
      ]);
      return new Map(named.filter(([lookup]) => lookups.includes(lookup)));
    },
    async documents(ids) {
      sent.documents += 1;
      return new Map([...stands].filter(([id]) => ids.includes(id)));
    },
  };
}
