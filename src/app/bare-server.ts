import Fastify from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Scope } from '../access/scope.js';
import { serverOptions } from '../plugins/server-options.js';

/** A route that answers, as it was registered. */
export interface AppRoute {
  method: string;
  url: string;
  isRefusal: boolean;
  scope: Scope | undefined;
}

/** Fastify without a route yet, and the list of those that it is given. */
export function createBareServer(options: Parameters<typeof serverOptions>[0]) {
  const fastify = Fastify(serverOptions(options)).withTypeProvider<ZodTypeProvider>();
  fastify.setValidatorCompiler(validatorCompiler);
  fastify.setSerializerCompiler(serializerCompiler);
  const routes: AppRoute[] = [];
  fastify.addHook('onRoute', ({ method, url, config }) => {
    for (const name of [method].flat()) routes.push({ method: name, url, isRefusal: config?.isRefusal === true, scope: config?.scope });
  });
  return { fastify, routes };
}

export type BareServer = ReturnType<typeof createBareServer>;
