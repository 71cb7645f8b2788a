/** Microsoft's providers: Entra ID for one tenant and for several, External ID, and Azure AD B2C. */
import type { LookAlike } from "./look-alike.js";

const TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const OTHER_TENANT = "b9419818-09af-49c2-b0c3-653adc1f376e";
const CUSTOMERS = "a5e4b1c0-9f3d-4c43-8d0f-2b6f1c7e9a10";
const B2C = "775527ff-9a37-4307-8b3d-cc311f58d925";
const LANDING = "https://shop.example/logged-out";

const asksForOfflineAccess = (request: URLSearchParams): boolean =>
  request.get("scope")?.split(" ").includes("offline_access") === true;

/** Endpoints below an authority, as all of them have them. */
function endpointsAt(authority: string) {
  return {
    authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
    token_endpoint: `${authority}/oauth2/v2.0/token`,
    jwks_uri: `${authority}/discovery/v2.0/keys`,
    end_session_endpoint: `${authority}/oauth2/v2.0/logout`,
  };
}

const metadata = {
  token_endpoint_auth_methods_supported: [
    "client_secret_post",
    "private_key_jwt",
    "client_secret_basic",
  ],
  response_modes_supported: ["query", "fragment", "form_post"],
  http_logout_supported: true,
  frontchannel_logout_supported: true,
};

/** Which account? is a page, unless the account is named as its ID Token did. */
function logoutWithHint(parameters: URLSearchParams): string | undefined {
  return parameters.get("logout_hint") === "O.alice" &&
    parameters.get("post_logout_redirect_uri") === LANDING
    ? LANDING
    : undefined;
}

/** Entra ID at an authority, for users of one tenant. */
function entraAt(
  authority: string,
  tenant: string,
): Omit<LookAlike, "without" | "issuer"> {
  const issuer = `https://login.microsoftonline.com/${tenant}/v2.0`;
  return {
    recipe: "entra",
    metadataAddress: `https://login.microsoftonline.com/${authority}/v2.0/.well-known/openid-configuration`,
    endpoints: {
      ...endpointsAt(`https://login.microsoftonline.com/${authority}`),
      userinfo_endpoint: "https://graph.microsoft.com/oidc/userinfo",
    },
    metadata,
    client: { tokenEndpointAuthMethod: "client_secret_post" },
    issuesRefreshToken: asksForOfflineAccess,
    // Without auth_time and acr, unless the registration wants them.
    idToken: ({ auth_time: _time, at_hash: _hash, acr: _acr, ...right }) => ({
      ...right,
      iss: issuer,
      tid: tenant,
      oid: "00000000-0000-0000-66f3-3332eca7ea81",
      ver: "2.0",
      login_hint: "O.alice",
    }),
    logout: logoutWithHint,
  };
}

export const entraOneTenant: LookAlike = {
  ...entraAt(TENANT, TENANT),
  issuer: `https://login.microsoftonline.com/${TENANT}/v2.0`,
  without: {
    rule: "the user is asked which account to sign out",
    options: { logoutParameters: undefined },
    fails: "sign-out",
  },
};

const TEMPLATE = "https://login.microsoftonline.com/{tenantid}/v2.0";

export const entraSomeTenants: LookAlike = {
  ...entraAt("organizations", OTHER_TENANT),
  block: 1,
  issuer: TEMPLATE,
  without: {
    rule: "a user of a tenant that is not in the list is not signed in",
    options: { tenants: [TENANT] },
    fails: "sign-in",
  },
};

export const entraAnyTenant: LookAlike = {
  ...entraAt("organizations", OTHER_TENANT),
  block: 2,
  issuer: TEMPLATE,
  without: {
    rule: "a user whose tenant the function does not accept is not signed in",
    options: { tenants: () => false },
    fails: "sign-in",
  },
};

export const entraExternalId: LookAlike = {
  recipe: "entraExternalId",
  issuer: `https://${CUSTOMERS}.ciamlogin.com/${CUSTOMERS}/v2.0`,
  metadataAddress: `https://shop.ciamlogin.com/${CUSTOMERS}/v2.0/.well-known/openid-configuration`,
  endpoints: {
    ...endpointsAt(`https://shop.ciamlogin.com/${CUSTOMERS}`),
    userinfo_endpoint: "https://graph.microsoft.com/oidc/userinfo",
  },
  metadata,
  client: { tokenEndpointAuthMethod: "client_secret_post" },
  issuesRefreshToken: asksForOfflineAccess,
  idToken: ({ auth_time: _time, at_hash: _hash, acr: _acr, ...right }) => ({
    ...right,
    tid: CUSTOMERS,
    ver: "2.0",
    login_hint: "O.alice",
  }),
  logout: logoutWithHint,
  without: {
    rule: "the name in the host is not the issuer's",
    options: {
      issuer: `https://shop.ciamlogin.com/${CUSTOMERS}/v2.0`,
    },
    fails: "sign-in",
  },
};

const POLICY = "https://shop.b2clogin.com/shop.onmicrosoft.com/B2C_1_signin";

export const azureB2c: LookAlike = {
  recipe: "azureB2c",
  issuer: `https://shop.b2clogin.com/${B2C}/v2.0/`,
  metadataAddress: `${POLICY}/v2.0/.well-known/openid-configuration`,
  endpoints: endpointsAt(POLICY),
  metadata,
  client: { tokenEndpointAuthMethod: "client_secret_post" },
  issuesRefreshToken: asksForOfflineAccess,
  idToken: ({ acr: _acr, sid: _sid, ...right }) => ({
    ...right,
    ver: "1.0",
    tfp: "B2C_1_signin",
  }),
  // No access token for openid alone.
  tokenResponse: ({ access_token: token, scope, ...right }) => {
    const asked = String(scope).split(" ");
    const isForAnApi = asked.some((one) => /^[\da-f-]{36}$/.test(one));
    return isForAnApi ? { ...right, access_token: token, scope } : right;
  },
  without: {
    rule: "no access token comes without a scope of an API",
    options: { scope: "openid offline_access" },
    fails: "sign-in",
  },
};
