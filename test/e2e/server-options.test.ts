import { afterAll, expect, test } from "@jest/globals";

import { endNodeProcesses, startNode } from "../support/node-process.js";

afterAll(endNodeProcesses);

test("serverOptions: all requests are of one kind to V8, and Express works as before", async () => {
  const program = startNode([
    "--allow-natives-syntax",
    "test/e2e/fixtures/server-options.js",
  ]);
  const [line] = await program.prints(/^\{.*\}$/m);
  expect(JSON.parse(line)).toEqual({
    answers: [
      { isApps: true, host: "127.0.0.1" },
      { isAdmins: true, baseUrl: "/admin" },
      { isApps: true, path: "/admin/other" },
    ],
    requestsAreOneKind: true,
    responsesAreOneKind: true,
  });
});
