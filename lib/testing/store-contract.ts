/** What a store driver has to do, as cases that any test framework can run. */
import assert from "node:assert/strict";
import { channelCases } from "./store-contract/channels.js";
import { decisionCases } from "./store-contract/decisions.js";
import { groupCases } from "./store-contract/groups.js";
import { recordCases } from "./store-contract/records.js";
import type { DriverUnderTest, Rule } from "./store-contract/rule.js";

/** One rule of the contract. */
export interface ContractCase {
  /** The rule. */
  readonly title: string;
  /** Rejects where the driver breaks it. */
  readonly run: () => Promise<void>;
}

/**
 * The contract of the option `store`, for those who bring a driver.
 *
 * ```js
 * for (const { title, run } of storeContract(openDriver)) test(title, run);
 * ```
 *
 * @param createDriver opens a driver anew for each case; `elsewhere` is a second
 * one on the same store, as another process has it. Keys are random, so the
 * store may hold other things.
 */
export function storeContract(
  createDriver: () => Promise<DriverUnderTest>,
): readonly ContractCase[] {
  const rules: readonly Rule[] = [
    ...recordCases,
    ...decisionCases,
    ...groupCases,
    ...channelCases,
  ];
  return rules.map(({ title, holds }) => ({
    title,
    async run() {
      const opened = await createDriver();
      assert.notEqual(opened.driver, undefined, "createDriver gives no driver");
      const { driver, elsewhere = driver } = opened;
      try {
        await holds(driver, elsewhere);
      } finally {
        await opened.close?.();
      }
    },
  }));
}
