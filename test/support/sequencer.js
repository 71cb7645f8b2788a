/**
 * The order of test files: what was slow the last time begins first, and where
 * nobody knows that, what starts processes and browsers does, so that none of
 * it is left for the end.
 *
 * JavaScript, because Jest does not transform its sequencer.
 */
import { createRequire } from "node:module";

// Jest loads this file by `require`, and its own one has no default import then.
const require = createRequire(import.meta.url);
const { default: Sequencer } = require("@jest/test-sequencer");

/** Parts of the paths of slow files. */
const SLOW = ["/test/e2e/", "/test/integration/stores/", "-two-processes."];

export default class SlowFirst extends Sequencer {
  /**
   * @param {import("@jest/test-result").Test[]} tests
   */
  sort(tests) {
    const sorted = super.sort(tests);
    if (sorted.some(({ duration }) => duration !== undefined)) return sorted;
    const isSlow = ({ path }) => SLOW.some((part) => path.includes(part));
    return [
      ...sorted.filter(isSlow),
      ...sorted.filter((test) => !isSlow(test)),
    ];
  }
}
