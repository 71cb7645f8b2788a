/**
 * Ends Jest's output with one line for programs: "N passed, N failed".
 *
 * JavaScript, because Jest does not transform its reporters.
 */
import { writeFileSync } from "node:fs";
import process from "node:process";

export default class SummaryReporter {
  /**
   * Prints the line; writes it also to the file that `TEST_SUMMARY_FILE` names.
   *
   * @param {Set<unknown>} _testContexts
   * @param {import("@jest/reporters").AggregatedResult} results
   */
  onRunComplete(_testContexts, results) {
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } =
      results;
    // A file that could not be loaded has no tests to count: it counts as one.
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    const line = `${numPassedTests} passed, ${failed} failed\n`;
    const file = process.env.TEST_SUMMARY_FILE;
    if (file !== undefined) writeFileSync(file, line);
    // Jest's own summary, always its last reporter, is still to come.
    process.once("exit", () => process.stdout.write(line));
  }
}
