/** Recipes: wrong parameters are told at once. */
import { describe, expect, test } from "@jest/globals";

import { ConfigError } from "../../lib/index.js";
import * as recipes from "../../lib/providers/index.js";

/** Each recipe, and parameters that are wrong. */
const WRONG: readonly [keyof typeof recipes, ...unknown[]][] = [
  [
    "zitadel",
    undefined,
    {},
    { url: "https://a.example" },
    { url: "a.example", projectId: "1" },
    { url: "https://a.example?b", projectId: "1" },
    { url: "https://a.example", projectId: "1 openid" },
    { url: "https://a.example", projectId: "1", scope: "profile" },
    { url: "https://a.example", projectId: "1", clientIds: [] },
  ],
];

describe.each(WRONG)("%s", (name, ...wrong) => {
  const recipe = recipes[name] as (parameters: unknown) => unknown;

  test.each(wrong.map((parameters) => [parameters]))(
    "%j is a ConfigError that names it",
    (parameters) => {
      const create = (): unknown => recipe(parameters);
      expect(create).toThrow(ConfigError);
      expect(create).toThrow(name);
    },
  );
});

test("each recipe is tried with wrong parameters", () => {
  expect(WRONG.map(([name]) => name)).toEqual(
    expect.arrayContaining(Object.keys(recipes)),
  );
});
