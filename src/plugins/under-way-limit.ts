import type { FastifyRequest, RouteOptions } from 'fastify';
import plugin from 'fastify-plugin';
import { AppError } from '../errors.js';
import { keyOf } from './rate-limit.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Streams a file in, which may take minutes: such requests have places of their own. */
    isUpload?: boolean;
  }
  interface FastifyRequest {
    /** Its place among those of its key that are under way. */
    place: Place | null;
  }
}

interface Place {
  /** Its route works for it, whether anybody still waits for the answer or not. */
  isWorkedOn: boolean;
  leave(): void;
}

/** Files that one key may send at once. What they take is room in the temporary folder. */
export const maxUploads = 4;
const retryUploadAfterS = 10;

/**
 * How many requests of one admin key may be under way at once, each process for itself. A key that sends more than are answered would otherwise
 * take every connection to Postgres, and whoever holds another one would wait for it. Uploads are counted apart, so that the slow files of a key
 * never keep it from writing a price. Comes after authentication: who is refused for its key has no place.
 * @param maxUnderWay 0: any number
 */
export const underWayLimitPlugin = plugin<{ maxUnderWay: number }>(async (app, { maxUnderWay }) => {
  app.decorateRequest('place', null);
  if (maxUnderWay === 0) return;
  const requests = createPlaces(maxUnderWay);
  const uploads = createPlaces(Math.min(maxUploads, maxUnderWay));

  app.addHook('onRoute', (route) => {
    if (!route.url.startsWith('/v1/admin/') || route.config?.isRefusal) return;
    const isUpload = route.config?.isUpload === true;
    after(route, 'onRequest', (request, reply) => {
      const place = (isUpload ? uploads : requests).take(keyOf(request));
      if (place === null) throw isUpload ? tooMany(maxUploads, 'uploads', retryUploadAfterS) : tooMany(maxUnderWay, 'requests', 1);
      request.place = place;
      // Whoever hangs up before the route begins is gone. Later the work goes on without them, and keeps its place.
      reply.raw.once('close', () => place.isWorkedOn || place.leave());
    });
    after(route, 'preHandler', ({ place }) => {
      if (place) place.isWorkedOn = true;
    });
    after(route, 'onSend', ({ place }) => place?.leave());
  });
});

/** Counts by name. */
function createPlaces(max: number) {
  const taken = new Map<string, number>();
  return {
    /** Null where all are taken. */
    take(name: string): Place | null {
      const count = taken.get(name) ?? 0;
      if (count >= max) return null;
      taken.set(name, count + 1);
      let isLeft = false;
      return {
        isWorkedOn: false,
        leave() {
          if (isLeft) return;
          isLeft = true;
          const left = (taken.get(name) ?? 1) - 1;
          if (left === 0) taken.delete(name);
          else taken.set(name, left);
        },
      };
    },
  };
}

function tooMany(max: number, what: string, retryAfterS: number): AppError {
  return new AppError('too_many_under_way', `${max} ${what} of this key are under way already: wait for one to be answered`, { retryAfterS });
}

type Reply = { raw: { once(event: 'close', listener: () => void): unknown } };

function after(route: RouteOptions, name: 'onRequest' | 'preHandler' | 'onSend', work: (request: FastifyRequest, reply: Reply) => void): void {
  const hook = async (request: FastifyRequest, reply: Reply) => work(request, reply);
  route[name] = [...[route[name] ?? []].flat(), hook] as never;
}
