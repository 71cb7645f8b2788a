/** The conformance suite's plan Basic RP, with client_secret_basic. */
import { test } from "@jest/globals";

import { USUAL_VARIANT } from "../support/module-world.js";
import { LOGIN_MODULES } from "./login-modules.js";

test.each(LOGIN_MODULES)("$name, Basic RP: $rule", ({ run }) =>
  run(USUAL_VARIANT),
);
