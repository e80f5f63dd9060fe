import type { PlayName } from '../simulation/directed.js';
import type { Edit } from './edit.js';

/** A rule of the protocol, and the edit of its source that breaks it. */
export interface BrokenRule {
  /** Where docs/price-truth.md says so. */
  rule: string;
  /** What is done instead. */
  instead: string;
  edits: readonly Edit[];
  /** The directed schedule that shows it; without one, random schedules do. */
  directed?: PlayName;
}
