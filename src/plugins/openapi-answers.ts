/** What a route says in its headers beside what follows from path and status; every answer of it may carry them, `ETag` where it succeeds. */
export type Told = 'cache-control' | 'cache-status' | 'etag';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Published in the OpenAPI document as headers of the answers. */
    tells?: readonly Told[];
  }
}

interface Header {
  description: string;
  required?: boolean;
  schema: { type: 'string'; pattern?: string };
}

/** How an operation carries `tells` from its route to here; gone from the published document. */
export const tellsKey = 'x-tells';

const headers = {
  'X-Request-Id': { description: 'The id that was sent, or one of our own', schema: { type: 'string' } },
  'Cache-Control': { description: 'What a client may keep', schema: { type: 'string' } },
  'Cache-Status': { description: 'How the answer was come by (RFC 9211)', schema: { type: 'string', pattern: '^truetag; (hit|fwd)' } },
  ETag: { description: 'Strong validator of what is answered', schema: { type: 'string', pattern: '^"[^"]+"$' } },
  Location: { description: 'Where it stands', schema: { type: 'string', pattern: '^/' } },
  'Retry-After': { description: 'Seconds after which to try again', schema: { type: 'string', pattern: '^[0-9]+$' } },
  'WWW-Authenticate': { description: 'How to send a key', schema: { type: 'string' } },
  'Content-Security-Policy': { description: 'Nothing in it may run', schema: { type: 'string' } },
  'Referrer-Policy': { description: 'Nobody is told of the page that a link stood on', schema: { type: 'string' } },
  'X-Content-Type-Options': { description: 'It is of the type that it says', schema: { type: 'string', pattern: '^nosniff$' } },
  'Strict-Transport-Security': { description: 'Ask over TLS only; where it is configured', schema: { type: 'string' } },
  Vary: { description: 'Differs by the origin of the page that asks; where other origins may read answers', schema: { type: 'string' } },
  RateLimit: { description: 'What is left of the limit and when it begins anew, where there is one', schema: { type: 'string' } },
  'RateLimit-Policy': { description: 'The limit itself', schema: { type: 'string' } },
} as const satisfies Record<string, Header>;

/** What the layers before every route may answer. */
const beforeRoutes = {
  400: 'Cannot be read as a request',
  414: 'A segment of the path is longer than any name',
  429: 'More requests are under way on this connection than may be',
  417: 'Expects something else than 100-continue',
  431: 'The headers are larger than 16 KB',
};

type Responses = Record<string, { description?: string; headers?: Record<string, Header>; content?: object }>;
type Paths = Record<string, Record<string, { responses: Responses; [tellsKey]?: readonly Told[] }>>;

/** Completes an OpenAPI document: the answers that any call may get, and the headers of each. */
export function withAnswers<Document extends object>(document: Document): Document {
  for (const [path, operations] of Object.entries((document as { paths?: Paths }).paths ?? {})) {
    for (const operation of Object.values(operations)) {
      const tells = operation[tellsKey] ?? [];
      delete operation[tellsKey];
      for (const [status, description] of Object.entries(beforeRoutes)) operation.responses[status] ??= problem(description);
      for (const [status, response] of Object.entries(operation.responses)) response.headers = headersOf(path, Number(status), tells);
    }
  }
  return document;
}

function problem(description: string) {
  return { description, content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } };
}

function headersOf(path: string, status: number, tells: readonly Told[]): Record<string, Header> {
  const isRead = status < 400;
  // Of what cannot be read nobody knows which path it is for.
  const isBare = status === 417 || status === 431;
  const required: (keyof typeof headers)[] = ['X-Request-Id', 'Content-Security-Policy', 'Referrer-Policy', 'X-Content-Type-Options'];
  if (path.startsWith('/v1/') || isBare || (isRead && tells.includes('cache-control'))) required.push('Cache-Control');
  if (isRead && tells.includes('cache-status')) required.push('Cache-Status');
  if (status === 201 || status === 202 || status === 301) required.push('Location');
  if (status === 401) required.push('WWW-Authenticate');
  if (status === 429 || status === 503) required.push('Retry-After');
  const optional: (keyof typeof headers)[] = ['Strict-Transport-Security', 'Vary'];
  if (path.startsWith('/v1/') || path.startsWith('/media/')) optional.push('RateLimit', 'RateLimit-Policy');
  if (status === 400 && !path.startsWith('/v1/')) optional.push('Cache-Control');
  // Where nobody can say whether a product still stands like this, there is none.
  if (isRead && status !== 301 && tells.includes('etag')) optional.push('ETag');
  if (!isRead && tells.includes('cache-status')) optional.push('Cache-Status');
  return Object.fromEntries([
    ...required.map((name): [string, Header] => [name, { ...headers[name], required: true }]),
    ...optional.map((name): [string, Header] => [name, headers[name]]),
  ]);
}
