import type { BrokenRule } from './broken-rule.js';
import { brokenRulesOfLeases } from './rules-of-leases.js';
import { brokenRulesOfReads } from './rules-of-reads.js';
import { brokenRulesOfWrites } from './rules-of-writes.js';

/** THE TABLE. */
export const brokenRules: readonly BrokenRule[] = [...brokenRulesOfReads, ...brokenRulesOfLeases, ...brokenRulesOfWrites];
