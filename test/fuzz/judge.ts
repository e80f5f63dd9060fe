import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { OpenApiDocument, Operation } from '../routes/openapi-document.js';
import { dueOf } from './callers.js';
import { lineUp, nameOf } from './outcome.js';
import type { Plan } from './plan.js';
import { type Answer, headerOf } from './wire.js';

export interface Judge {
  /** What is wrong with an answer; null where nothing is. */
  ofPlan(plan: Plan, answer: Answer): string | null;
  /** The same for bytes that are no request of the document: any refusal in its form will do. */
  ofBytes(answer: Answer): string | null;
}

/** What is no fault of a request's form, nor of its key, its type or its size. */
const fitForValid = new Set([200, 201, 202, 301, 304, 404, 409, 412, 422]);
/** What HTTP itself puts on any answer. */
const plainHeaders = new Set(['connection', 'keep-alive', 'date', 'content-type', 'content-length', 'transfer-encoding']);
const innards = /\n\s+at |node_modules|\.[jt]s:\d|prisma|pg_catalog|ECONNREFUSED|\bSQLSTATE\b|relation "|column "/i;

export function createJudge(document: OpenApiDocument): Judge {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ ...document, $id: 'contract' });
  const problemSchema = schemaAt('contract#/components/schemas/Problem');

  function schemaAt(place: string): ValidateFunction {
    const validate = ajv.getSchema(place);
    if (!validate) throw new Error(`there is no schema at ${place}`);
    return validate;
  }

  function faultOfProblem({ status, body, ...answer }: Answer): string | null {
    const { json, fault } = parse(body);
    if (fault !== null) return fault;
    if (!problemSchema(json)) return `the body of ${status} is no problem: ${ajv.errorsText(problemSchema.errors)} in ${shortly(body)}`;
    const { status: told, requestId, detail } = json as { status: number; requestId: string; detail: string };
    if (told !== status) return `a problem of ${told} comes as ${status}`;
    if (requestId !== headerOf({ status, body, ...answer }, 'x-request-id')) return 'the id of the problem is not that of the header';
    if (innards.test(detail)) return `the problem tells of our insides: ${shortly(body)}`;
    return null;
  }

  function faultOfHeaders(response: Operation['responses'][string], answer: Answer): string | null {
    const documented = Object.entries(response.headers ?? {});
    for (const [name, { required, schema }] of documented) {
      const given = headerOf(answer, name.toLowerCase());
      if (given === undefined && required) return `${answer.status} comes without ${name}`;
      if (given !== undefined && schema.pattern !== undefined && !new RegExp(schema.pattern).test(given)) return `${name} is ${given}`;
    }
    const known = new Set(documented.map(([name]) => name.toLowerCase()));
    const unknown = answer.headers.find(([name]) => !known.has(name) && !plainHeaders.has(name));
    return unknown ? `the header ${unknown[0]} of ${answer.status} is not documented` : null;
  }

  function faultOfBody({ method, path }: Operation, response: Operation['responses'][string], answer: Answer): string | null {
    const { status, body } = answer;
    const given = headerOf(answer, 'content-type')?.split(';')[0] ?? '';
    if (!response.content) return body.length === 0 ? null : `${status} has a body: ${shortly(body)}`;
    if (!response.content[given]) return `${status} comes as ${given || 'nothing'}, which is not documented`;
    if (given === 'application/problem+json') return faultOfProblem(answer);
    if (!given.endsWith('json')) return null;
    const { json, fault } = parse(body);
    if (fault !== null) return fault;
    const step = (name: string) => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
    const validate = schemaAt(`contract#/paths/${step(path)}/${method.toLowerCase()}/responses/${status}/content/${step(given)}/schema`);
    return validate(json) ? null : `the body of ${status} breaks its schema: ${ajv.errorsText(validate.errors)} in ${shortly(body)}`;
  }

  return {
    ofPlan(plan, answer) {
      const { operation, how, method, headers } = plan;
      const { status } = answer;
      if (isOurs(status) && !isFullLine(plan, answer)) return oursToBear(answer);
      const caller = faultOfCaller(plan, answer);
      if (caller !== null) return caller;
      if (how === 'valid' && !fitForValid.has(status) && !isCallers(plan, status) && !isFullLine(plan, answer))
        return `what the document allows is refused with ${status}: ${shortly(answer.body)}`;
      if (status === 304 && !headers.some(([given]) => given === 'if-none-match')) return 'nobody asked whether it had changed';
      if (method === 'HEAD') return answer.body.length === 0 ? null : 'HEAD has a body';
      if (method !== operation.method)
        return status === 405 && headerOf(answer, 'allow') === undefined ? '405 without Allow' : faultOfProblem(answer);
      const response = operation.responses[status];
      if (!response) return `${status} is not documented: ${shortly(answer.body)}`;
      return faultOfHeaders(response, answer) ?? faultOfBody(operation, response, answer);
    },
    ofBytes(answer) {
      if (answer.status < 400) return null;
      const type = headerOf(answer, 'content-type');
      if (isOurs(answer.status)) return oursToBear(answer);
      return type === 'application/problem+json' ? faultOfProblem(answer) : `${answer.status} comes as ${type}`;
    },
  };
}

/** Who lacks the key for it is told so, whatever else is right or wrong with the request. */
function faultOfCaller(plan: Plan, { status, body }: Answer): string | null {
  const { caller, how, method, operation } = plan;
  if (caller === undefined || caller === 'alone' || method !== operation.method) return null;
  const isRight = how === 'valid' ? isCallers(plan, status) : status >= 400;
  const whose = caller === 'without' ? 'that lacks the scope' : `that is ${caller}`;
  return isRight ? null : `a key ${whose} is answered ${status}: ${shortly(body)}`;
}

/** Whether it is an answer to the caller, and not to the request. */
function isCallers(plan: Plan, status: number): boolean {
  return (plan.isCounted === true && status === 429) || dueOf(plan)?.has(status) === true;
}

function isOurs(status: number): boolean {
  return status >= 500;
}

function isFullLine({ operation, method }: Plan, { status, body }: Answer): boolean {
  const { json } = parse(body);
  return status === 503 && method === operation.method && nameOf(operation) === lineUp && (json as { code?: string } | undefined)?.code === 'busy';
}

function oursToBear({ status, body }: Answer): string {
  return `${status} is an answer of ours to bear: ${shortly(body)}`;
}

function parse(body: Buffer): { json: unknown; fault: string | null } {
  try {
    return { json: JSON.parse(body.toString()), fault: null };
  } catch {
    return { json: undefined, fault: `the body is no JSON: ${shortly(body)}` };
  }
}

function shortly(body: Buffer): string {
  return body.toString().slice(0, 400);
}
