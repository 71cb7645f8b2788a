import { afterAll, expect, test } from "@jest/globals";

import { endNodeProcesses, startNode } from "../support/node-process.js";

/** Of how many kinds the requests and the responses of a server are. */
interface Kinds {
  readonly requests: number;
  readonly responses: number;
}

afterAll(endNodeProcesses);

test("serverOptions: requests are of a few kinds to V8, not each of its own, and Express works as before", async () => {
  const program = startNode([
    "--allow-natives-syntax",
    "test/e2e/fixtures/server-options.js",
  ]);
  const [line] = await program.prints(/^\{.*\}$/m);
  const { answers, withOptions, without } = JSON.parse(line) as {
    answers: unknown;
    withOptions: Kinds;
    without: Kinds;
  };
  expect(answers).toEqual([
    { isApps: true, host: "127.0.0.1" },
    { isAdmins: true, baseUrl: "/admin" },
    { isApps: true, path: "/admin/other" },
  ]);
  // Of 100: V8 gives a kind up for another when it learns more of its members.
  expect(without).toEqual({ requests: 100, responses: 100 });
  expect(withOptions.requests).toBeLessThanOrEqual(3);
  expect(withOptions.responses).toBeLessThanOrEqual(3);
});
