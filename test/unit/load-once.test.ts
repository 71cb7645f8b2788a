/** Modules that are loaded when they are first needed. */
import { expect, test } from "@jest/globals";

import { loadOnce } from "../../lib/base/load-once.js";

test("a module is loaded once for all who ask, also at the same time", async () => {
  let loads = 0;
  const load = loadOnce(() => Promise.resolve({ load: (loads += 1) }));
  const [first, second] = await Promise.all([load(), load()]);
  expect(second).toBe(first);
  expect(await load()).toBe(first);
  expect(loads).toBe(1);
});

test("a module that could not be loaded fails for all who waited, and is loaded again", async () => {
  let isThere = false;
  const load = loadOnce(() =>
    isThere ? Promise.resolve("module") : Promise.reject(new Error("gone")),
  );
  const answers = await Promise.allSettled([load(), load()]);
  expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  isThere = true;
  expect(await load()).toBe("module");
});
