import type { Operation } from '../routes/openapi-document.js';
import { scopeOf } from './callers.js';

export interface Fault {
  call: string;
  what: string;
  /** Which draw of the run it was. */
  draw: number;
  /** A line for a shell, or the bytes as JSON where no client sends such a thing. */
  again: string;
}

export interface Outcome {
  requests: number;
  /** By call and status. */
  answers: Map<string, Map<number, number>>;
  faults: Fault[];
  /** By the code of the problem: of answers that refuse the caller, how many there were. */
  refusals: Map<number, Map<string, number>>;
  /** Calls of the document that were never answered with success, or never refused, for their keys and otherwise; and refusals that never came. */
  unreached: string[];
}

/** The one call for which a run may go past a limit that is told as 503: files are sent faster than they are imported. */
export const lineUp = 'POST /v1/admin/imports';

/** How many answers began with 5, and apart from them how many files found the line full; that it was for this, the judge has seen. */
export function serverErrorsIn({ answers }: Pick<Outcome, 'answers'>): { errors: number; fullLines: number } {
  const fullLines = answers.get(lineUp)?.get(503) ?? 0;
  const all = [...answers.values()].flatMap((of) => [...of]);
  return { errors: all.reduce((sum, [status, count]) => sum + (status >= 500 ? count : 0), 0) - fullLines, fullLines };
}

/** Answers to the caller, each of which a run has to meet. */
const callersStatuses = [401, 403, 429];

export function noRefusals(): Outcome['refusals'] {
  return new Map(callersStatuses.map((status) => [status, new Map()]));
}

export function countRefusal(refusals: Outcome['refusals'], status: number, json: unknown): void {
  const of = refusals.get(status);
  const { code } = (json ?? { code: 'to HEAD' }) as { code?: unknown };
  if (of) of.set(String(code), (of.get(String(code)) ?? 0) + 1);
}

/** What a run that has tried everything has met. One in which nobody was refused has not tried to get in. */
export function unmet(operations: readonly Operation[], { answers, refusals }: Pick<Outcome, 'answers' | 'refusals'>): string[] {
  const never = [...refusals].filter(([, of]) => of.size === 0).map(([status]) => `no answer of ${status}`);
  return [...unreached(operations, answers), ...never];
}

function unreached(operations: readonly Operation[], answers: Outcome['answers']): string[] {
  return operations.flatMap((operation) => {
    const met = [...(answers.get(nameOf(operation)) ?? new Map<number, number>()).keys()];
    const lacks = [
      ...(met.some((status) => status >= 200 && status < 300) ? [] : ['no success']),
      ...(met.some((status) => status >= 400 && status < 500) ? [] : ['no refusal']),
      ...(scopeOf(operation) === undefined ? [] : [401, 403].filter((status) => !met.includes(status)).map((status) => `no ${status}`)),
    ];
    return lacks.length === 0 ? [] : [`${nameOf(operation)}: ${lacks.join(', ')}`];
  });
}

export function nameOf({ method, path }: Operation): string {
  return `${method} ${path}`;
}
