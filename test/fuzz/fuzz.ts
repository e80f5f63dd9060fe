import fc from 'fast-check';
import { type OpenApiDocument, type Operation, operationsOf } from '../routes/openapi-document.js';
import { type Callers, callerKinds, scopeOf, sentBy } from './callers.js';
import { type Call, journeys, travel } from './journey.js';
import { createJudge } from './judge.js';
import { createKnown, journeyPrefix, type Kind } from './known.js';
import { countRefusal, type Fault, nameOf, noRefusals, type Outcome, unmet } from './outcome.js';
import { asCurl, type CallerKind, type Plan, render } from './plan.js';
import { validPlans } from './plans.js';
import { type RawBytes, rawBytes } from './raw-bytes.js';
import { spoils } from './spoils.js';
import { type Answer, createWire, type Wire } from './wire.js';

export interface FuzzOptions {
  port: number;
  /** An instance over the same database that counts requests and keys, and has let few of them through. */
  countingPort: number;
  adminKey: string;
  callers: Callers;
  requests: number;
  seed: number;
  connections: number;
  /** Called after each request with how many there were. */
  onRequest?: (sent: number) => void;
}

const keptFaults = 25;
/** Which answers tell of what there is. */
const sources: [string, Kind][] = [
  ['GET /v1/products', 'slug'],
  ['GET /v1/products/{slug}', 'variant'],
  ['GET /v1/categories', 'category'],
  ['POST /v1/admin/imports', 'import'],
  ['POST /v1/admin/keys', 'key'],
];
/** An import keeps the server busy long after it was taken. */
const every: Record<string, number> = { 'POST /v1/admin/imports': 4 };
/** One in so many goes to the instance that counts. */
const countedEvery = 16;
const otherMethods = ['HEAD', 'OPTIONS', 'TRACE', 'DELETE', 'PUT', 'POST', 'PATCH', 'GET', 'PROPFIND', 'PURGE'];

/**
 * Sends requests of all kinds to every operation of the served document, over several keep-alive connections at once, and holds each answer
 * against it. Which requests they are follows from the seed; ids in them are those that the run has met.
 */
export async function fuzz({ port, countingPort, adminKey, callers, requests, seed, connections, onRequest }: FuzzOptions): Promise<Outcome> {
  const known = createKnown();
  const answers: Outcome['answers'] = new Map();
  const refusals = noRefusals();
  const faults: Fault[] = [];
  let sent = 0;
  const document = await readDocument(port);
  const operations = operationsOf(document);
  const byName = new Map(operations.map((operation) => [nameOf(operation), operation]));
  const judge = createJudge(document);
  const valid = new Map(operations.map((operation) => [operation, validPlans(document, operation, adminKey)]));

  function count(call: string, status: number): void {
    const of = answers.get(call) ?? new Map<number, number>();
    answers.set(call, of.set(status, (of.get(status) ?? 0) + 1));
    sent += 1;
    onRequest?.(sent);
  }

  async function ask(wire: Wire, call: string, bytes: Buffer, isBodyless: boolean): Promise<Answer | string> {
    try {
      const answer = await wire.send(bytes, isBodyless);
      count(call, answer.status);
      return answer;
    } catch (error) {
      wire.close();
      count(call, 0);
      return error instanceof Error ? error.message : String(error);
    }
  }

  async function sendPlan(wire: Wire, draw: number, plan: Plan): Promise<{ answer: Answer; json: unknown } | null> {
    const rendered = render(plan, known);
    const call = plan.method === plan.operation.method ? nameOf(plan.operation) : `another method on ${plan.operation.path}`;
    const answer = await ask(wire, call, rendered.bytes, plan.method === 'HEAD');
    const what = typeof answer === 'string' ? answer : judge.ofPlan(plan, answer);
    if (what !== null) faults.push({ call, what, draw, again: asCurl(rendered) });
    // The server waits for the rest, and would take the next request for it.
    if (plan.declaredBytes !== undefined) wire.close();
    if (typeof answer === 'string') return null;
    const json = tryJson(answer.body);
    countRefusal(refusals, answer.status, json);
    known.learn(call, rendered.query, answer, json);
    return { answer, json };
  }

  async function sendRaw(draw: number, { bytes }: RawBytes): Promise<void> {
    const rendered = bytes((kind) => known.pick(kind, draw));
    // What such bytes leave behind on a connection belongs to nobody else's request.
    const own = createWire(port);
    const answer = await ask(own, 'raw bytes', rendered, false);
    own.close();
    const what = typeof answer === 'string' ? answer : judge.ofBytes(answer);
    if (what !== null) faults.push({ call: 'raw bytes', what, draw, again: JSON.stringify(rendered.toString('latin1').slice(0, 600)) });
  }

  async function sendJourney(wire: Wire, draw: number): Promise<void> {
    const journey = drawn(journeys, draw);
    const taken: string[] = [];
    const send = async ({ call, id = '', query = [], headers = [], json }: Call) => {
      const operation = byName.get(call);
      if (!operation) throw new Error(`the document has no ${call}`);
      const key: [string, string][] = operation.security ? [['authorization', `Bearer ${adminKey}`]] : [];
      const type: [string, string][] = json === undefined ? [] : [['content-type', 'application/json']];
      const path = Object.fromEntries(operation.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => [name, id]));
      const body = json === undefined ? {} : { body: Buffer.from(JSON.stringify(json)) };
      taken.push(`${call} ${id} ${JSON.stringify(json) ?? ''}`);
      const met = await sendPlan(wire, draw, {
        operation,
        how: 'valid',
        method: operation.method,
        path,
        query,
        headers: [...key, ...type, ...headers],
        ...body,
      });
      if (!met) throw new Error('no answer');
      if (met.answer.status === 503) throw new Busy();
      return { status: met.answer.status, headers: met.answer.headers, json: met.json };
    };
    try {
      await travel(journey, `${journeyPrefix}${seed}-${draw}`, send);
    } catch (error) {
      if (error instanceof Busy) return;
      faults.push({ call: 'a journey', what: error instanceof Error ? error.message : String(error), draw, again: taken.join('; ') });
    }
  }

  function drawn<T>(arbitrary: fc.Arbitrary<T>, draw: number): T {
    return fc.sample(arbitrary, { seed: seed * 1_000_003 + draw, numRuns: 1 })[0] as T;
  }

  /** Of each round of the document: valid, spoiled, as somebody else, and now and then another method, bytes that are no request, and a journey. */
  async function take({ wire, counting }: Wires, draw: number): Promise<void> {
    const operation = operations[draw % operations.length] as Operation;
    if (Math.floor(draw / operations.length) % (every[nameOf(operation)] ?? 1) !== 0) return;
    // The first round sees to it that every call is met on both sides, however short the run.
    const isFirst = draw < operations.length;
    const kind = isFirst ? 40 : scattered(draw, 40);
    if (kind === 0) return sendJourney(wire, draw);
    if (kind <= 2) return sendRaw(draw, drawn(rawBytes, draw));
    const plan = drawn(valid.get(operation) as fc.Arbitrary<Plan>, draw);
    const scope = scopeOf(operation);
    const as = (kind: CallerKind) => (scope === undefined ? plan : sentBy(plan, kind, scope, callers));
    if (isFirst) {
      await sendPlan(wire, draw, { ...plan, how: 'broken', rawQuery: '%' });
      if (scope !== undefined) for (const caller of callerKinds) await sendPlan(wire, draw, as(caller));
    }
    const isCounted = !isFirst && scattered(draw + 2, countedEvery) === 0;
    const send = (made: Plan) => (isCounted ? sendPlan(counting, draw, { ...made, isCounted }) : sendPlan(wire, draw, made));
    const caller = callerKinds[scattered(draw + 1, callerKinds.length)] ?? 'without';
    if (kind <= 4) await send(withMethod(plan, draw));
    else if (kind <= 19) await send(drawn(spoils, draw)(plan));
    else if (kind <= 21) await send(drawn(spoils, draw)(as(caller)));
    else if (kind <= 24) await send(as(caller));
    else await send(plan);
  }

  function withMethod(plan: Plan, draw: number): Plan {
    const method = otherMethods[scattered(draw + 1, otherMethods.length)] ?? 'HEAD';
    const named = byName.get(`${method} ${plan.operation.path}`);
    return { ...plan, how: 'broken', method, operation: named ?? plan.operation };
  }

  /** So that calls find something from the first one on. */
  async function meet(): Promise<void> {
    const wire = createWire(port);
    let draw = -1;
    for (const [call, kind] of sources) {
      const operation = byName.get(call);
      for (let tries = 0; operation && tries < 50 && !known.has(kind) && faults.length < keptFaults; tries += 1)
        await sendPlan(wire, draw, drawn(valid.get(operation) as fc.Arbitrary<Plan>, draw--));
    }
    wire.close();
  }

  let next = 0;
  async function work(): Promise<void> {
    const wires = { wire: createWire(port), counting: createWire(countingPort) };
    while (sent < requests && faults.length < keptFaults) await take(wires, next++);
    wires.wire.close();
    wires.counting.close();
  }
  await meet();
  await Promise.all(Array.from({ length: connections }, work));
  return { requests: sent, answers, faults, refusals, unreached: unmet(operations, { answers, refusals }) };
}

async function readDocument(port: number): Promise<OpenApiDocument> {
  const answer = await fetch(`http://127.0.0.1:${port}/openapi.json`, { signal: AbortSignal.timeout(10_000) });
  return (await answer.json()) as OpenApiDocument;
}

interface Wires {
  wire: Wire;
  /** To the instance that counts. */
  counting: Wire;
}

/** Ends a journey: where it would have led, nobody knows. */
class Busy extends Error {}

/** Draws that follow one another are far apart: the number of operations must not decide which of them gets what. */
function scattered(draw: number, below: number): number {
  return (Math.imul(draw + 1, 0x9e3779b1) >>> 9) % below;
}

function tryJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
