import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as AppModule from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { createDatabase } from '../harness/database.js';
import { seedInto } from '../harness/demo.js';
import { adminKey } from '../harness/service.js';
import { bundle } from '../sabotage/bundle.js';
import type { Edit } from '../sabotage/edit.js';
import { makeCallers } from './callers.js';
import { fuzz } from './fuzz.js';
import type { Outcome } from './outcome.js';

/** What each would let through, and the one thing that a run says of it. */
const planted: [string, Edit, RegExp][] = [
  [
    'a status that is not documented',
    { file: 'src/routes/categories.ts', from: 'return sendJson(reply, body);', to: 'return sendJson(reply.code(203), body);' },
    /GET \/v1\/categories\/\{slug\}: 203/,
  ],
  [
    'a body outside its schema',
    { file: 'src/catalog/product-service.ts', from: ',"missing":`', to: ',"lost":`' },
    /POST \/v1\/products\/batch: the body of 200 breaks its schema/,
  ],
  [
    'a 500',
    {
      file: 'src/routes/quotes.ts',
      from: 'return quotes.quote(request.body);',
      to: "if (request.body.lines.length === 2) throw new TypeError('planted');\n      return quotes.quote(request.body);",
    },
    /POST \/v1\/quotes: 500/,
  ],
  [
    'a 503 in the documented form that nothing has called for',
    {
      file: 'src/catalog/quote-service.ts',
      from: '      requireCurrency(currency);\n',
      to: "      if (lines.length === 2) throw new AppError('busy', 'planted', { retryAfterS: 1 });\n      requireCurrency(currency);\n",
    },
    /POST \/v1\/quotes: 503/,
  ],
  [
    'a failure that is no problem+json',
    { file: 'src/plugins/problem.ts', from: ".header('content-type', 'application/problem+json')", to: ".header('content-type', 'text/plain')" },
    /: 4\d\d comes as text\/plain/,
  ],
  [
    'a header that nobody documented',
    {
      file: 'src/routes/http-cache.ts',
      from: "return reply.header('cache-status', cacheStatus[outcome]);",
      to: "return reply.header('cache-status', cacheStatus[outcome]).header('x-powered-by', 'truetag');",
    },
    /the header x-powered-by of 200 is not documented/,
  ],
  [
    'a header that is missing',
    { file: 'src/plugins/problem.ts', from: "if (status === 401) reply.header('www-authenticate', 'Bearer realm=\"truetag\"');", to: '' },
    /401 comes without WWW-Authenticate/,
  ],
  [
    'a stack in an answer',
    {
      file: 'src/plugins/failure.ts',
      from: "return { status: known, code: codes[known] ?? 'bad_request', detail: error.message };",
      to: "return { status: known, code: codes[known] ?? 'bad_request', detail: String(error.stack) };",
    },
    /tells of our insides/,
  ],
  [
    'a refusal of what the document allows',
    {
      file: 'src/catalog/variant-search.ts',
      from: 'const found =',
      to: "if (sku.length > 5) throw Object.assign(new Error('planted'), { statusCode: 400 });\n      const found =",
    },
    /GET \/v1\/admin\/variants: what the document allows is refused with 400/,
  ],
  [
    'a write that is lost',
    {
      file: 'src/routes/admin-products.ts',
      from: "const product = await products.archive(request.params.id, request.headers['if-match']);",
      to: 'const product = await products.get(request.params.id, undefined);',
    },
    /a journey: .* is due/,
  ],
  [
    'a door that nobody gets through',
    {
      file: 'src/plugins/auth.ts',
      from: 'requireScope(request.caller, scope as Scope);',
      to: "requireScope(request.url.startsWith('/v1/admin/price-writes') ? { scopes: [] } : request.caller, scope as Scope);",
    },
    /GET \/v1\/admin\/price-writes: no success/,
  ],
  [
    'a key that goes on after it was revoked',
    { file: 'src/access/authenticator.ts', from: "if (state !== 'active')", to: "if (state === 'expired')" },
    /a key that is revoked is answered 2/,
  ],
  [
    'a key that goes on after it has expired',
    { file: 'src/access/authenticator.ts', from: "if (state !== 'active')", to: "if (state === 'revoked')" },
    /a key that is expired is answered 2/,
  ],
  [
    'a scope that nobody asks for',
    { file: 'src/plugins/auth.ts', from: 'requireScope(request.caller, scope as Scope);', to: '' },
    /a key that lacks the scope is answered 2/,
  ],
  [
    'a limit that does not say when to come back',
    { file: 'src/plugins/problem.ts', from: 'status === 503 || status === 429', to: 'status === 503' },
    /429 comes without Retry-After/,
  ],
  [
    'limits that nobody meets',
    { file: 'src/plugins/rate-limit.ts', from: 'if (isExceeded) throw', to: 'if (isExceeded && max === 0) throw' },
    /no answer of 429/,
  ],
];

const portOf = async (app: FastifyInstance) => Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);

describe('a fuzz run', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    database = await createDatabase();
    await seedInto(database.url);
  });
  afterAll(() => database.drop());

  async function run(edits: Edit[], requests = 700): Promise<Outcome> {
    const { createApp } = (await import(await bundle({ entry: 'src/app.ts', edits }))) as typeof AppModule;
    const env = { LOG_LEVEL: 'silent', PORT: '0', MIGRATE: 'false', ADMIN_API_KEY: adminKey };
    const start = async (limits: Record<string, string>) =>
      (await createApp({ ...loadConfig({ ...env, ...limits }), databaseUrl: database.url })).fastify;
    const apps = [await start({ WRONG_KEYS_PER_MINUTE: '10000' }), await start({ RATE_LIMIT_ADMIN: '5', RATE_LIMIT_STOREFRONT: '5' })] as const;
    try {
      const [port, countingPort] = [await portOf(apps[0]), await portOf(apps[1])];
      return await fuzz({ port, countingPort, adminKey, callers: await makeCallers(database.url), requests, seed: 7, connections: 4 });
    } finally {
      await Promise.all(apps.map((app) => app.close()));
    }
  }
  const said = ({ faults, unreached }: Outcome) => [...faults.map(({ call, what }) => `${call}: ${what}`), ...unreached].join('\n');

  it('has nothing to say of the service as it is', async () => {
    expect(said(await run([], 2_000))).toBe('');
  }, 120_000);

  it.each(planted)(
    'finds %s',
    async (_, edit, fault) => {
      expect(said(await run([edit]))).toMatch(fault);
    },
    120_000,
  );
});
