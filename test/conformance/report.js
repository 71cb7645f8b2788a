/**
 * Ends the output of `npm run conformance` with what became of each module.
 *
 * JavaScript, because Jest does not transform its reporters.
 */
import process from "node:process";

import { PLANS } from "./plans.js";

/** @typedef {"passed" | "failed" | "missing"} Outcome */

export default class ConformanceReporter {
  /** @type {Error | undefined} */
  #problem;

  /**
   * Prints plan, module and result in a table, and how many of each plan passed.
   *
   * @param {Set<unknown>} _testContexts
   * @param {import("@jest/reporters").AggregatedResult} results
   */
  onRunComplete(_testContexts, results) {
    const tests = results.testResults.flatMap((file) => file.testResults);
    const rows = Object.entries(PLANS).flatMap(([plan, modules]) =>
      modules.map((module) => ({
        plan,
        module,
        result: outcomeOf(module, plan, tests),
      })),
    );
    const totals = Object.keys(PLANS).map((plan) => {
      const all = rows.filter((row) => row.plan === plan);
      const passed = all.filter(({ result }) => result === "passed");
      return `${plan} ${passed.length} of ${all.length}`;
    });
    const notPassed = rows.filter(({ result }) => result !== "passed");
    if (notPassed.length > 0) {
      const names = notPassed.map(({ plan, module }) => `${module} (${plan})`);
      this.#problem = new Error(`not passed: ${names.join(", ")}`);
    }
    const header = { plan: "plan", module: "module", result: "result" };
    const text = [...tableOf([header, ...rows]), "", ...totals].join("\n");
    // Jest's own summary is still to come.
    process.once("exit", () => process.stdout.write(`\n${text}\n`));
  }

  /** Jest fails for it, even where all the tests that there are have passed. */
  getLastError() {
    return this.#problem;
  }
}

/**
 * A module may be run by several tests, and has passed when all of them have.
 *
 * @param {string} module
 * @param {string} plan
 * @param {readonly { readonly title: string, readonly status: string }[]} tests
 * @returns {Outcome}
 */
function outcomeOf(module, plan, tests) {
  const inOnePlan =
    Object.values(PLANS).filter((modules) => modules.includes(module))
      .length === 1;
  // Where one name is in several plans, a title says whose module it runs.
  const mine = tests.filter(({ title }) =>
    inOnePlan
      ? title.startsWith(`${module}:`) || title.startsWith(`${module},`)
      : title.startsWith(`${module}, ${plan}:`),
  );
  if (mine.length === 0) return "missing";
  return mine.every(({ status }) => status === "passed") ? "passed" : "failed";
}

/** @param {readonly { plan: string, module: string, result: string }[]} rows */
function tableOf(rows) {
  /** @param {"plan" | "module"} column */
  const width = (column) => Math.max(...rows.map((row) => row[column].length));
  return rows.map(({ plan, module, result }) =>
    [plan.padEnd(width("plan")), module.padEnd(width("module")), result].join(
      " | ",
    ),
  );
}
