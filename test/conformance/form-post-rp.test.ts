/** The conformance suite's plan Form Post RP (basic), with client_secret_post. */
import { test } from "@jest/globals";

import { LOGIN_MODULES } from "./login-modules.js";

test.each(LOGIN_MODULES)("$name, Form Post RP (basic): $rule", ({ run }) =>
  run({ responseMode: "form_post", clientAuth: "client_secret_post" }),
);
