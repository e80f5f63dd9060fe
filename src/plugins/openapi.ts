import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifySchema, RouteOptions } from 'fastify';
import plugin from 'fastify-plugin';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { tellsKey, withAnswers } from './openapi-answers.js';

/** The OpenAPI 3.1 document, made of the very schemas that validate, and its page at /docs, which loads nothing from elsewhere. */
export const openapiPlugin = plugin<{ version: string }>(async (app, { version }) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Truetag',
        version,
        description: 'A product catalog whose price tag is always true.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      components: {
        securitySchemes: {
          adminKey: {
            type: 'http',
            scheme: 'bearer',
            description: 'An admin key, or a token of the trusted issuer. Each call names the scope that it needs.',
          },
        },
      },
      tags: [{ name: 'Storefront' }, { name: 'Admin' }, { name: 'Health' }, { name: 'Demo' }],
    },
    transform: (given) => {
      const { schema, url } = withFileBody(jsonSchemaTransform(withScope(given)));
      return { url, schema: schema && { ...schema, [tellsKey]: given.route.config?.tells } };
    },
    transformObject: (document) => withAnswers(pruneTwins(jsonSchemaTransformObject(document) as Json)) as never,
  });
  await app.register(swaggerUi, { routePrefix: '/docs', uiConfig: { tryItOutEnabled: true } });
  // Made as the server comes up: a document that cannot be made stops the start and not the first reader.
  let document = '';
  app.addHook('onReady', async () => {
    document = JSON.stringify(app.swagger());
  });
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    reply.header('content-type', 'application/json; charset=utf-8');
    return document;
  });
});

type Json = { [key: string]: unknown };

/** What a route declares of its scopes is told where a program looks for it, and where a person does. */
function withScope<Route extends { schema: FastifySchema; route: RouteOptions }>(route: Route): Route {
  const { scope, scopesOfBody = {} } = route.route.config ?? {};
  if (scope === undefined) return route;
  const more = Object.keys(scopesOfBody).map((name) => `\`${name}\``);
  const needs = `Scope: \`${scope}\`${more.length > 0 ? `; by what the body carries ${more.join(' and ')} as well` : ''}.`;
  const description = [route.schema.description, needs].filter(Boolean).join(' ');
  return { ...route, schema: { ...route.schema, security: [{ adminKey: [scope] }], description } };
}

/** A route that says what it `consumes` and has no schema of a body takes a file: it is streamed, so there is nothing to validate. */
function withFileBody<Route extends { schema: FastifySchema & { consumes?: readonly string[] } }>(route: Route): Route {
  const { schema } = route;
  if (!schema?.consumes || schema.body !== undefined) return route;
  return { ...route, schema: { ...schema, body: { type: 'string', description: 'The file itself' } } };
}

/** Schemas come out twice, as what is read and as what is written (`XInput`). Where both say the same, one of them goes. */
function pruneTwins(document: Json): Json {
  const components = document.components as { schemas?: Record<string, unknown> } | undefined;
  const schemas = components?.schemas ?? {};
  const suffix = 'Input';
  const resolve = (value: unknown) => JSON.stringify(value).replaceAll(/("#\/components\/schemas\/\w+?)Input"/g, '$1"');
  const twins = Object.keys(schemas).filter((name) => {
    const base = name.slice(0, -suffix.length);
    return name.endsWith(suffix) && base in schemas && resolve(schemas[name]) === resolve(schemas[base]);
  });
  let text = JSON.stringify(document);
  for (const name of twins) text = text.replaceAll(`"#/components/schemas/${name}"`, `"#/components/schemas/${name.slice(0, -suffix.length)}"`);
  const pruned = JSON.parse(text) as { components?: { schemas?: Record<string, unknown> } };
  for (const name of twins) delete pruned.components?.schemas?.[name];
  const used = JSON.stringify(pruned);
  for (const name of Object.keys(pruned.components?.schemas ?? {})) {
    if (!used.includes(`"#/components/schemas/${name}"`)) delete pruned.components?.schemas?.[name];
  }
  return pruned;
}
