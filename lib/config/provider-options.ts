/** Options about the provider: what they are, may be, and are by default. */
import type { ClientAuth } from "openid-client";
import { z } from "zod";
import { membersOf } from "../base/checked.js";
import {
  providerAddressShape,
  type ProviderAddressOptions,
} from "./provider-address-options.js";
import {
  flag,
  functionValue,
  required,
  seconds,
  text,
  texts,
} from "./option-values.js";
import { isTenantId } from "./issuers.js";
import type { Filled, Shape } from "./read-options.js";

/** How strictly Logout Tokens are read; every other rule always holds. */
export interface BackchannelLogoutOptions {
  /** Whether their header must say `typ: logout+jwt`. Default false: many providers send none. */
  readonly requireType?: boolean;
  /** Whether they must have `exp`. Default true. Without it they live two minutes from `iat`. */
  readonly requireExpiry?: boolean;
}

/** Options about the OpenID Provider, and what it is asked. */
export interface ProviderOptions extends ProviderAddressOptions {
  /**
   * The provider's issuer, letter by letter as its metadata has it. https, or
   * http on loopback.
   *
   * An issuer with `{tenantid}`, such as
   * `https://login.microsoftonline.com/{tenantid}/v2.0`, stands for that of each
   * tenant in the option `tenants`.
   */
  readonly issuer: string;
  /**
   * Tenants whose users may sign in, where `issuer` has `{tenantid}`: their ids,
   * or a function that is asked at each sign-in and each refreshed ID Token. The
   * claim `tid` names the tenant, and `iss` must be the issuer of that tenant.
   * Default none, and required there.
   *
   * A function that fails, or takes longer than `providerTimeoutSeconds`, signs
   * nobody in (503) and ends no login. Only `true` is a yes: after any other
   * answer at a refresh the login ends.
   */
  readonly tenants?:
    readonly string[] | ((tenantId: string) => boolean | Promise<boolean>);
  /** The client's name, as the provider registered it. */
  readonly clientId: string;
  /** The client's secret. Default none: it is required unless `clientAuth` is a function. */
  readonly clientSecret?: string;
  /**
   * How the client authenticates. Default `client_secret_basic`. The provider's
   * metadata does not change it.
   *
   * `PrivateKeyJwt(key)`, `ClientSecretJwt(secret)`, and `None()` for a public
   * client, are exported by `express-login-kit`; other client authentication
   * functions of `openid-client` 6 do as well. The first two take the option
   * `audience`, for providers that want another one than their issuer.
   */
  readonly clientAuth?:
    "client_secret_basic" | "client_secret_post" | ClientAuth;
  /**
   * Must contain `openid`. Default `openid`. Add `offline_access` for refresh
   * tokens, where the provider wants that.
   */
  readonly scope?: string;
  /**
   * Fixed parameters of every authorization request, such as
   * `{ prompt: "consent" }`. Default none. They win over the browser's.
   *
   * `acr_values` and `max_age` are also enforced: an ID Token that does not
   * fulfil them starts no login. Of a fixed `max_age` (whole seconds) and one in
   * the address of `/login`, the smaller counts. `acr_values` in that address may
   * name some of the fixed ones, and no others (400). What the kit sets itself
   * (`state`, `scope`, `redirect_uri` and so on) is refused.
   */
  readonly authorizationParameters?: Readonly<Record<string, string>>;
  /**
   * Parameters that `/login` passes on from its own address. Default
   * `["login_hint", "ui_locales", "prompt"]`.
   *
   * What the kit sets itself, and `return_to`, is refused.
   */
  readonly loginParameters?: readonly string[];
  /** How the provider answers. Default `query`. `response_mode` is sent only for `form_post`. */
  readonly responseMode?: "query" | "form_post";
  /** Whether UserInfo is fetched at login. Default: if the provider has it and `scope` asks for more than `openid` and `offline_access`. */
  readonly userInfo?: boolean;
  /**
   * The one accepted signature algorithm of ID Tokens: RS, PS, ES, HS with 256,
   * 384, 512, `EdDSA` or `Ed25519`. Default `RS256`. HS needs `clientSecret`.
   */
  readonly idTokenSigningAlg?: string;
  /**
   * The one accepted signature algorithm of UserInfo responses that are JWTs
   * (Core 5.3.2): RS, PS or ES with 256, 384, 512, `EdDSA` or `Ed25519`. Default:
   * what the provider's metadata names, or else `idTokenSigningAlg`.
   */
  readonly userInfoSigningAlg?: string;
  /**
   * Audiences that ID Tokens and Logout Tokens may have beside this client
   * (Core 3.1.3.7), by exact name. Default none: such a token is refused.
   *
   * An ID Token with one of them must name this client in `azp`.
   */
  readonly trustedAudiences?: readonly string[];
  /**
   * The provider's authentication contexts (`acr`, Core 2) from the weakest to
   * the strongest, such as `["bronze", "silver", "gold"]`. A login
   * that is stronger than asked for passes: in the rules of guards, and where
   * `acr_values` were sent. Default: none is stronger than another.
   */
  readonly acrOrder?: readonly string[];
  /**
   * Whether authorization requests go to the provider directly, and only a
   * reference to them through the browser (RFC 9126). Default `auto`: where the
   * provider's metadata has an endpoint for it. `always`: a provider without
   * one is `ERR_DISCOVERY_INVALID`, as is with `never` one that requires it.
   */
  readonly pushedAuthorizationRequests?: "auto" | "always" | "never";
  /**
   * Whether the provider ends a session's tokens with the session. True: those
   * without `offline_access` are not revoked after a logout that it confirms.
   * Default false: they are. For Keycloak, which logs each one as an error.
   */
  readonly tokensEndWithSession?: boolean;
  /**
   * How strictly Logout Tokens are read.
   *
   * @see docs/ending-logins.md#back-channel-logout
   */
  readonly backchannelLogout?: BackchannelLogoutOptions;
  /** Accepted difference between our clock and the provider's. Seconds, 0 to 300, default 30. */
  readonly clockToleranceSeconds?: number;
  /**
   * How long one request to the provider may take. Seconds, up to 60, default 5.
   *
   * A refresh token request may take 60 seconds, so that its answer is not lost;
   * only the requests that wait for it give up after this time.
   */
  readonly providerTimeoutSeconds?: number;
}

/** {@link ProviderOptions} whose shape is right. */
export type ProviderValues = Omit<
  Filled<
    ProviderOptions,
    | "tenants"
    | "clientSecret"
    | "userInfo"
    | "userInfoSigningAlg"
    | keyof ProviderAddressOptions
  >,
  "backchannelLogout"
> & { readonly backchannelLogout: Filled<BackchannelLogoutOptions> };

/** Signatures that are verified with a published key (RFC 7518 3.1, RFC 8037). */
const PUBLIC_KEY_ALGS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

/** What they may be. */
export const providerShape: Shape<ProviderValues> = {
  ...providerAddressShape,
  issuer: required(
    "set it to the provider's issuer, such as https://op.example",
  ),
  tenants: z
    .union(
      [
        z
          .array(text.refine(isTenantId, "must be ids of tenants"))
          .min(1, "must not be empty: nobody could sign in"),
        functionValue<(tenantId: string) => boolean | Promise<boolean>>(""),
      ],
      "must be a list of tenant ids, or a function that knows them",
    )
    .optional(),
  clientId: required("set it to what the provider calls this application"),
  clientSecret: text.optional(),
  clientAuth: z
    .union(
      [
        z.enum(["client_secret_basic", "client_secret_post"]),
        functionValue<ClientAuth>(""),
      ],
      "must be client_secret_basic, client_secret_post, or a function such as PrivateKeyJwt(key), ClientSecretJwt(secret) or None() of this package",
    )
    .default("client_secret_basic"),
  scope: text.default("openid"),
  authorizationParameters: z.record(text, text).default({}),
  loginParameters: texts.default(["login_hint", "ui_locales", "prompt"]),
  responseMode: z.enum(["query", "form_post"]).default("query"),
  userInfo: z.boolean().optional(),
  idTokenSigningAlg: z
    .enum([...PUBLIC_KEY_ALGS, "HS256", "HS384", "HS512"])
    .default("RS256"),
  userInfoSigningAlg: z.enum(PUBLIC_KEY_ALGS).optional(),
  trustedAudiences: texts.default([]),
  acrOrder: z
    .array(text.regex(/^\S+$/, "must be one name without spaces"))
    .min(2, "must have two values at least, from the weakest to the strongest")
    .default([]),
  pushedAuthorizationRequests: z
    .enum(["auto", "always", "never"])
    .default("auto"),
  tokensEndWithSession: z.boolean().default(false),
  backchannelLogout: membersOf({
    requireType: flag(false),
    requireExpiry: flag(true),
  }).prefault({}),
  clockToleranceSeconds: z.number().min(0).max(300).default(30),
  providerTimeoutSeconds: seconds(5, 60),
};
