/** What the run knows of a product at one version; undefined where it does not know. */
export interface VersionState {
  exists: boolean | undefined;
  slug: string | undefined;
  isActive: boolean | undefined;
  /** By variant, in minor units. */
  amounts: (number | undefined)[];
}

/** What a write asks for. Every amount and every slug is asked for once in a run, so that whoever sees it knows the write. */
export type Change =
  | { kind: 'price'; variant: number; amount: number }
  | { kind: 'slug'; slug: string }
  | { kind: 'status'; isActive: boolean }
  | { kind: 'create'; slug: string; amounts: number[] };

/**
 * `unknown`: it may have taken effect or not, or may do so yet. `refused`: the service said that it has not and will not.
 * Times are milliseconds of one monotonic clock: `begin` before the request was sent, `end` after the answer was there.
 */
export interface Write {
  op: 'write';
  change: Change;
  begin: number;
  end: number;
  outcome: 'pending' | 'acked' | 'refused' | 'unknown';
  /** Of the acknowledgement. */
  version: number | null;
  by: string;
}

/** What an answer says of one product. A 304 is a `version` without fields: that of the validator that was sent. */
export type Sight =
  | { kind: 'version'; version: number; slug?: string; amounts?: (number | undefined)[]; lowest?: number }
  | { kind: 'moved'; from: string; to: string }
  | { kind: 'absent'; slug: string };

export interface Read {
  op: 'read';
  sight: Sight;
  begin: number;
  end: number;
  by: string;
}

/**
 * F1: older than what was acknowledged before the read began. F2: older than what another read had shown by then. future: the write had not
 * begun when the answer was there. order: a write's version is not above all that was known when it began, or belongs to no write. mixed: a
 * price, slug or status shown with a version is not that of the version. refused: a write took effect that the service had said it refused.
 */
export type ViolationKind = 'F1' | 'F2' | 'future' | 'order' | 'mixed' | 'refused';

export interface Violation {
  kind: ViolationKind;
  product: string;
  detail: string;
  op: Read | Write;
}
