/** Recipes: wrong parameters are told at once. */
import { describe, expect, test } from "@jest/globals";

import { ConfigError } from "../../lib/index.js";
import * as recipes from "../../lib/providers/index.js";

const TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47";

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
  [
    "entra",
    {},
    { tenant: "shop.onmicrosoft.com" },
    { tenant: "common" },
    { tenant: [] },
    { tenant: ["organizations"] },
    { tenant: TENANT, personalAccounts: true },
    { tenant: TENANT, cloud: "germany" },
    { tenant: TENANT, scope: "offline_access" },
  ],
  [
    "entraExternalId",
    { tenant: "shop" },
    { tenant: "shop.ciamlogin.com", tenantId: TENANT },
    { tenant: "shop", tenantId: "shop" },
  ],
  [
    "azureB2c",
    { tenant: "shop", tenantId: TENANT, policy: "B2C_1_signin" },
    { tenant: "shop", tenantId: TENANT, policy: "a/b", clientId: "1" },
    { tenant: "a b", tenantId: TENANT, policy: "a", clientId: "1" },
  ],
  [
    "auth0",
    {},
    { domain: "https://shop.eu.auth0.com" },
    { domain: "shop.eu.auth0.com/" },
    { domain: "shop.eu.auth0.com", logout: "v1" },
  ],
  [
    "okta",
    {},
    { domain: "shop" },
    { domain: "shop.okta.com", authorizationServer: "a/b" },
  ],
  [
    "google",
    { refreshTokens: "yes" },
    { scope: "openid offline_access" },
    { hostedDomain: "shop.example" },
  ],
  [
    "cognito",
    {},
    { region: "eu-central-1", userPoolId: "AbC", domain: "a.example" },
    { region: "eu/", userPoolId: "eu-central-1_AbC", domain: "a.example" },
    {
      region: "eu-central-1",
      userPoolId: "eu-central-1_AbC",
      domain: "a.example",
      scope: "openid offline_access",
    },
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
