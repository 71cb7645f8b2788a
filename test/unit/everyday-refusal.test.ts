/** A refusal that visitors get all day: it says all but where it was thrown, and leaves other errors as they are. */
import { expect, test } from "@jest/globals";

import { everydayRefusal, LoginKitError } from "../../lib/base/errors.js";

test("it is the error that it stands for, and does not say where it was thrown", () => {
  const error = everydayRefusal("ERR_LOGIN_REQUIRED", { loginUrl: "/login" });
  expect(error).toBeInstanceOf(LoginKitError);
  expect(error).toMatchObject({ status: 401, loginUrl: "/login" });
  expect(error.stack).not.toMatch(/\n\s+at /);
});

test("errors that are made afterwards say it", () => {
  everydayRefusal("ERR_LOGIN_REQUIRED");
  expect(new Error("another").stack).toMatch(/\n\s+at /);
});
