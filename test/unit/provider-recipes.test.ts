/** Recipes: wrong parameters are told at once. */
import { generateKeyPairSync } from "node:crypto";
import { isDeepStrictEqual } from "node:util";

import { describe, expect, test } from "@jest/globals";

import { ConfigError, createLoginKit } from "../../lib/index.js";
import * as recipes from "../../lib/providers/index.js";

const SSO = "https://sso.example";

/** A private key on this curve, in PEM. */
function pemOf(namedCurve: string): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

const APPLE = {
  teamId: "DEF123GHIJ",
  keyId: "ABC123DEFG",
  privateKey: pemOf("P-256"),
};

const TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47";

/** Each recipe, and parameters that are wrong. */
const WRONG: readonly [keyof typeof recipes, ...unknown[]][] = [
  [
    "apple",
    undefined,
    {},
    { ...APPLE, teamId: "" },
    { ...APPLE, keyId: "a key" },
    { ...APPLE, privateKey: undefined },
    { ...APPLE, privateKey: "-----BEGIN PRIVATE KEY-----" },
    { ...APPLE, privateKey: pemOf("secp384r1") },
    { ...APPLE, scope: "name email" },
    { ...APPLE, clientSecret: "a secret" },
  ],
  [
    "authelia",
    undefined,
    {},
    { url: "auth.example" },
    { url: SSO, realm: "a" },
  ],
  [
    "authentik",
    undefined,
    {},
    { url: SSO },
    { url: SSO, slug: "a/b" },
    { url: SSO, slug: "a", issuerMode: "each" },
  ],
  [
    "dex",
    undefined,
    {},
    { url: SSO, audiences: "orders" },
    { url: SSO, audiences: ["orders profile"] },
  ],
  ["gitlab", null, { url: "gitlab.example" }, { url: SSO, scope: "profile" }],
  [
    "hydra",
    undefined,
    {},
    { issuer: "" },
    { issuer: `${SSO}?a` },
    { url: SSO },
  ],
  [
    "keycloak",
    undefined,
    {},
    { url: SSO },
    { realm: "shop" },
    { url: SSO, realm: "a/b" },
    { url: `${SSO}#a`, realm: "shop" },
    { url: SSO, realm: "shop", scope: "profile" },
  ],
  ["linkedIn", undefined, {}, { clientId: "1" }],
  ["oneLogin", undefined, {}, { subdomain: "a/b" }, { subdomain: "" }],
  ["pingFederate", undefined, {}, { url: SSO, logout: "none" }],
  [
    "pingOne",
    undefined,
    {},
    { environmentId: "1", region: "de" },
    { environmentId: "1", customDomain: "login.example.com" },
    { region: "eu", customDomain: "login.example.com" },
    { customDomain: "https://login.example.com" },
  ],
  ["salesforce", undefined, {}, { url: "shop.my.salesforce.com" }],
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

test("Core 3.1.3.7 (11), RFC 7636 4.5: linkedIn says why it cannot be used", () => {
  expect(() => recipes.linkedIn()).toThrow(/no nonce, .* code_verifier/);
});

test("apple never repeats a key that is wrong", () => {
  const privateKey = pemOf("secp384r1");
  expect(() => recipes.apple({ ...APPLE, privateKey })).toThrow(
    expect.objectContaining({
      message: expect.not.stringContaining(privateKey.slice(40, 60)),
    }),
  );
});

describe("an address", () => {
  test("may have a slash at its end, which most issuers do not have", () => {
    const { issuer } = recipes.keycloak({ url: `${SSO}/auth/`, realm: "shop" });
    expect(issuer).toBe(`${SSO}/auth/realms/shop`);
    expect(recipes.authelia({ url: `${SSO}/` }).issuer).toBe(SSO);
  });

  test("stays as it is where it is an issuer, letter by letter", () => {
    expect(recipes.hydra({ issuer: `${SSO}/` }).issuer).toBe(`${SSO}/`);
    expect(recipes.hydra({ issuer: SSO }).issuer).toBe(SSO);
  });
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

test("pingFederate: called again it gives equal options, for findProvider", () => {
  const parameters = { url: SSO, logout: "startSLO" } as const;
  expect(
    isDeepStrictEqual(
      recipes.pingFederate(parameters),
      recipes.pingFederate(parameters),
    ),
  ).toBe(true);
});
