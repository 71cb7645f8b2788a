/** Whatever an option is set to, what is told names the option, once, in words of ours. */
import { expect, test } from "@jest/globals";

import { applicationShape } from "../../lib/config/application-options.js";
import { outgoingShape } from "../../lib/config/outgoing-options.js";
import { lookShape } from "../../lib/config/page-options.js";
import { providerShape } from "../../lib/config/provider-options.js";
import { tokenShape } from "../../lib/config/resource-server-options.js";
import { storeShape } from "../../lib/config/session-options.js";
import { telemetryShape } from "../../lib/config/telemetry-options.js";
import { problemsOf } from "../support/read-options.js";

const names = [
  applicationShape,
  lookShape,
  outgoingShape,
  providerShape,
  storeShape,
  telemetryShape,
  tokenShape,
].flatMap((shape) => Object.keys(shape));

/** How the schema library speaks. */
const RAW = /\b(?:Invalid|Unrecognized|Too (?:small|big)|received|expected)\b/;

test.each(names)("%s", (name) => {
  for (const value of [undefined, "", null, 5, [], true, {}]) {
    const told = problemsOf({ [name]: value });
    const places = told.map((line) => line.split(":", 1)[0] ?? "");
    expect(told.filter((line) => RAW.test(line))).toEqual([]);
    expect(new Set(places).size).toBe(places.length);
    const others = places.filter((place) => place.split(".")[0] !== name);
    expect(others).toEqual([]);
  }
});

test.each(["issuer", "clientId", "clientSecret", "baseUrl", "session"])(
  "%s, where its environment variable is not set, says so",
  (name) => {
    expect(problemsOf({ [name]: undefined })).toEqual([
      expect.stringMatching(
        `^${name}: is undefined \\(an environment variable that is not set\\?\\)`,
      ),
    ]);
  },
);
