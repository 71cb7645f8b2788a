/** Recipes: wrong parameters are told at once. */
import { describe, expect, test } from "@jest/globals";

import { ConfigError, createLoginKit } from "../../lib/index.js";
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

const CLIENT = { clientId: "shop", clientSecret: "a client secret" };
const APPLICATION = {
  baseUrl: "https://shop.example",
  session: { secret: "a session secret of thirty-two characters" },
};

test("recipes make up the providers of one application", async () => {
  const kit = createLoginKit({
    ...APPLICATION,
    providers: {
      staff: { ...recipes.entra({ tenant: [TENANT] }), ...CLIENT },
      customers: { ...recipes.google(), ...CLIENT },
      partners: {
        ...recipes.okta({ domain: "shop.okta.com" }),
        ...CLIENT,
        scope: "openid",
      },
    },
  });
  await kit.close();
});

describe("entra", () => {
  const PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad";

  test("an id in capital letters is that of the issuer, in small ones", () => {
    const { issuer } = recipes.entra({ tenant: TENANT.toUpperCase() });
    expect(issuer).toBe(`https://login.microsoftonline.com/${TENANT}/v2.0`);
    const { tenants } = recipes.entra({ tenant: [TENANT.toUpperCase()] });
    expect(tenants).toEqual([TENANT]);
  });

  test.each([
    ["organizations", { tenant: [TENANT] }],
    ["organizations", { tenant: () => true }],
    ["common", { tenant: [TENANT, PERSONAL] }],
    ["common", { tenant: () => true, personalAccounts: true }],
  ])("its metadata is that of %s for %j", (authority, parameters) => {
    expect(recipes.entra(parameters).metadataUrl).toBe(
      `https://login.microsoftonline.com/${authority}/v2.0/.well-known/openid-configuration`,
    );
  });

  test.each([
    ["global", "https://login.microsoftonline.com"],
    ["usGovernment", "https://login.microsoftonline.us"],
    ["china", "https://login.partner.microsoftonline.cn"],
  ] as const)("the cloud %s is at %s", (cloud, authority) => {
    const one = recipes.entra({ tenant: TENANT, cloud });
    expect(one.issuer).toBe(`${authority}/${TENANT}/v2.0`);
    const some = recipes.entra({ tenant: [TENANT], cloud });
    expect(some.issuer).toBe(`${authority}/{tenantid}/v2.0`);
    expect(some.metadataUrl).toContain(`${authority}/organizations/`);
  });

  test("no hint is sent where the ID Token has none", () => {
    const { logoutParameters } = recipes.entra({ tenant: TENANT });
    const logout = {
      clientId: "shop",
      postLogoutRedirectUri: "https://shop.example/logged-out",
      state: "state",
      claims: { login_hint: 1 },
    };
    expect(logoutParameters).toBeInstanceOf(Function);
    if (typeof logoutParameters !== "function") return;
    expect(logoutParameters(logout)).toEqual({});
    expect(logoutParameters({ ...logout, claims: undefined })).toEqual({});
  });
});

test("azureB2c: a domain of the application's own is the issuer's as well", () => {
  const parameters = {
    tenant: "shop",
    tenantId: TENANT,
    policy: "B2C_1_signin",
    clientId: "1",
    domain: "login.shop.example",
    scope: "openid https://shop.onmicrosoft.com/api/read",
  };
  expect(recipes.azureB2c(parameters)).toMatchObject({
    issuer: `https://login.shop.example/${TENANT}/v2.0/`,
    metadataUrl:
      "https://login.shop.example/shop.onmicrosoft.com/B2C_1_signin/v2.0/.well-known/openid-configuration",
    scope: parameters.scope,
  });
});
