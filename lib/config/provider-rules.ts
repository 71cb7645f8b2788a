/** What options about a provider must fulfil beyond their shape. */
import { parseUrl } from "../base/parse-url.js";
import { httpsProblems } from "./addresses.js";
import { clientProblems } from "./client-problems.js";
import { TENANT_PLACE } from "./issuers.js";
import { providerAddressProblems } from "./provider-address-options.js";
import type { ProviderValues } from "./provider-options.js";
import { encryptionProblems } from "./provider-security-options.js";
import { profileProblems } from "./security-profile.js";

/** What the kit sends itself; an app that sets one of these breaks the flow. */
const OWN_PARAMETERS: ReadonlySet<string> = new Set([
  "client_id",
  "client_secret",
  "redirect_uri",
  "response_type",
  "response_mode",
  "state",
  "nonce",
  "code_challenge",
  "code_challenge_method",
  "dpop_jkt",
  "scope",
  "request",
  "request_uri",
]);

/** Whether the kit itself sets a parameter of authorization requests. */
export function isOwnParameter(name: string): boolean {
  return OWN_PARAMETERS.has(name);
}

/** What they must fulfil beyond that, as lines for people; some may be missing because their shape was wrong. */
export function providerProblems(
  values: Partial<ProviderValues>,
  allowsInsecure: boolean,
): string[] {
  return [
    ...issuerProblems(values, allowsInsecure),
    ...providerAddressProblems(values, allowsInsecure),
    ...clientProblems(values),
    ...parameterProblems(values),
    ...acrProblems(values),
    ...encryptionProblems(values),
    ...profileProblems(values, allowsInsecure),
  ];
}

function issuerProblems(
  { issuer, tenants, metadataUrl }: Partial<ProviderValues>,
  allowsInsecure: boolean,
): string[] {
  if (issuer === undefined) return [];
  const url = parseUrl(issuer);
  if (url === undefined) {
    return ["issuer: must be an absolute URL, such as https://op.example"];
  }
  const problems = httpsProblems("issuer", url, allowsInsecure);
  const isTemplate = issuer.includes(TENANT_PLACE);
  if (isTemplate !== (tenants !== undefined)) {
    problems.push(
      isTemplate
        ? `tenants: is missing; name the tenants whose users may sign in, because issuer has ${TENANT_PLACE}`
        : `tenants: needs an issuer with ${TENANT_PLACE}`,
    );
  }
  if (!isTemplate && issuer.toLowerCase().includes(TENANT_PLACE)) {
    problems.push(`issuer: write ${TENANT_PLACE} in small letters`);
  }
  if (isTemplate && metadataUrl === undefined) {
    problems.push(
      `metadataUrl: is missing; an issuer with ${TENANT_PLACE} does not say where the metadata is`,
    );
  }
  if (issuer.split(TENANT_PLACE).length > 2 || url.host.includes("tenantid")) {
    problems.push(`issuer: must have ${TENANT_PLACE} once, in its path`);
  }
  if (hasMore(url)) {
    problems.push("issuer: must have no query, fragment or user name");
  }
  if (url.pathname.includes("/.well-known/")) {
    problems.push(
      "issuer: must be the issuer, not the address of its metadata; that one is the option metadataUrl",
    );
  }
  return problems;
}

function parameterProblems(values: Partial<ProviderValues>): string[] {
  const problems: string[] = [];
  const { authorizationParameters = {}, loginParameters = [] } = values;
  for (const name of Object.keys(authorizationParameters)) {
    if (OWN_PARAMETERS.has(name)) {
      problems.push(
        `authorizationParameters.${name}: is set by the kit and cannot be changed here`,
      );
    }
  }
  const maxAge = authorizationParameters["max_age"];
  if (maxAge !== undefined && !/^\d{1,9}$/.test(maxAge)) {
    problems.push("authorizationParameters.max_age: must be whole seconds");
  }
  for (const name of loginParameters) {
    if (OWN_PARAMETERS.has(name) || name === "return_to") {
      problems.push(
        `loginParameters: ${name} cannot be left to whoever makes the link`,
      );
    }
  }
  return problems;
}

function acrProblems({ acrOrder = [] }: Partial<ProviderValues>): string[] {
  const twice = acrOrder.filter((acr, at) => acrOrder.indexOf(acr) < at);
  return twice.length === 0
    ? []
    : [`acrOrder: ${[...new Set(twice)].join(", ")} comes more than once`];
}

/** Query, fragment, user name or password. */
function hasMore(url: URL): boolean {
  return `${url.search}${url.hash}${url.username}${url.password}` !== "";
}
