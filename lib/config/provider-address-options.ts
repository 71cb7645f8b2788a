/** Options about where the provider is: its metadata, its way in, and its logout. */
import * as z from "zod";
import { parseUrl } from "../base/parse-url.js";
import { httpsProblems } from "./addresses.js";
import { functionValue, text } from "./option-values.js";
import type { Filled, Shape } from "./read-options.js";

/** Options about the addresses of the OpenID Provider. */
export interface ProviderAddressOptions {
  /**
   * The address of the provider's metadata. Default: where Discovery has it, at
   * `issuer` with `/.well-known/openid-configuration` behind it. https, or http
   * on loopback; may have a query.
   *
   * The `issuer` in the metadata is still compared with the option, letter by
   * letter.
   */
  readonly metadataUrl?: string;
  /**
   * The origin under which the application itself reaches the provider, such as
   * `http://keycloak:8080` in a container network, while browsers use the public
   * addresses. Default: none, all use the public ones. https, or http on
   * loopback, elsewhere only with `dangerouslyAllowInsecureRequests`.
   *
   * Requests of the application to the origin of `issuer` go to this one
   * instead; path and query stay. Where browsers are sent never changes.
   *
   * @see docs/providers.md#example-a-provider-in-the-same-container-network
   */
  readonly internalOrigin?: string;
  /**
   * The address of the provider's logout, in place of the metadata's
   * `end_session_endpoint`. Default: what the metadata says. https, or http on
   * loopback; may have a query, which stays as it is.
   */
  readonly endSessionUrl?: string;
  /**
   * Parameters of the provider's logout, set over the standard ones
   * (`id_token_hint`, `client_id`, `post_logout_redirect_uri`, `state`); one
   * that is `undefined` is not sent. Default: the standard ones alone.
   *
   * Fixed texts, or a function that returns them. A function that throws, or
   * returns something else, is told as the event `error`: the user is signed out
   * here, and does not go to the provider.
   *
   * @see docs/providers.md#example-logout-of-another-kind
   */
  readonly logoutParameters?:
    LogoutParameters | ((logout: ProviderLogout) => LogoutParameters);
}

/** Parameters by name; `undefined`: not sent. */
export type LogoutParameters = Readonly<Record<string, string | undefined>>;

/** What a logout at the provider is about. */
export interface ProviderLogout {
  readonly clientId: string;
  /** Where the browser is to come back: `baseUrl` with the path of the landing. */
  readonly postLogoutRedirectUri: string;
  /** New for each logout. Where it comes back with the browser, the tokens are revoked at once. */
  readonly state: string;
  /** The claims of the login that ends; undefined: it had run out before. */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
}

/** All of them may be left out. */
export type ProviderAddresses = Filled<
  ProviderAddressOptions,
  keyof ProviderAddressOptions
>;

/** What they may be. */
export const providerAddressShape: Shape<ProviderAddresses> = {
  metadataUrl: text.optional(),
  internalOrigin: text.optional(),
  endSessionUrl: text.optional(),
  logoutParameters: z
    .union(
      [
        functionValue<(logout: ProviderLogout) => LogoutParameters>(""),
        z.record(text, text.optional()),
      ],
      "must be an object whose members are texts or undefined, or a function that returns one",
    )
    .optional(),
};

/** What they must fulfil beyond that, as lines for people. */
export function providerAddressProblems(
  {
    issuer,
    metadataUrl,
    internalOrigin,
    endSessionUrl,
  }: Partial<ProviderAddresses & { readonly issuer: string }>,
  allowsInsecure: boolean,
): string[] {
  return [
    ...addressProblems("metadataUrl", metadataUrl, allowsInsecure),
    ...addressProblems("endSessionUrl", endSessionUrl, allowsInsecure),
    ...originProblems(internalOrigin, issuer, allowsInsecure),
    ...(isSameOrigin(endSessionUrl, internalOrigin)
      ? [
          "endSessionUrl: is at internalOrigin, where no browser comes; set the public address",
        ]
      : []),
  ];
}

function addressProblems(
  option: string,
  value: string | undefined,
  allowsInsecure: boolean,
): string[] {
  if (value === undefined) return [];
  const url = parseUrl(value);
  if (url === undefined) return [`${option}: must be an absolute URL`];
  const problems = httpsProblems(option, url, allowsInsecure);
  if (`${url.hash}${url.username}${url.password}` !== "") {
    problems.push(`${option}: must have no fragment or user name`);
  }
  return problems;
}

function originProblems(
  value: string | undefined,
  issuer: string | undefined,
  allowsInsecure: boolean,
): string[] {
  if (value === undefined) return [];
  const option = "internalOrigin";
  const url = parseUrl(value);
  if (url === undefined) return [`${option}: must be an absolute URL`];
  const problems = httpsProblems(option, url, allowsInsecure);
  // As the URL has it, so that an upper-case host is none either.
  if (url.href !== `${url.origin}/`) {
    problems.push(
      `${option}: must be an origin, such as http://keycloak:8080, without path, query, fragment or user name`,
    );
  }
  if (isSameOrigin(value, issuer)) {
    problems.push(`${option}: is the origin of issuer; leave it out`);
  }
  return problems;
}

function isSameOrigin(
  one: string | undefined,
  other: string | undefined,
): boolean {
  const origin = parseUrl(one ?? "")?.origin;
  return origin !== undefined && origin === parseUrl(other ?? "")?.origin;
}
