/** Options about the provider: what they are, may be, and are by default. */
import type { ClientAuth } from "openid-client";
import * as z from "zod";
import { membersOf } from "../base/checked.js";
import {
  SIGNATURE_ALGORITHMS,
  type SignatureAlgorithmName,
} from "../base/signature-algorithms.js";
import {
  providerAddressShape,
  type ProviderAddressOptions,
} from "./provider-address-options.js";
import {
  algorithm,
  flag,
  functionValue,
  required,
  seconds,
  text,
  texts,
} from "./option-values.js";
import {
  providerSecurityShape,
  type ProviderSecurityOptions,
  type ProviderSecurityValues,
  type ResponseMode,
} from "./provider-security-options.js";
import {
  CLIENT_AUTH_NAMES,
  type ClientAuthName,
  clientSecretSchema,
} from "./client-problems.js";
import { isTenantId } from "./issuers.js";
import type { Claims } from "../stores/login-store.js";
import type { Filled, Shape } from "./read-options.js";

/**
 * Where the roles of a user are: a claim by its name, a list of names that lead
 * into objects, or a function that reads them.
 */
export type RolesClaim =
  string | readonly string[] | ((claims: Claims) => readonly string[]);

/** How strictly Logout Tokens are read; every other rule always holds. */
export interface BackchannelLogoutOptions {
  /** Whether their header must say `typ: logout+jwt`. Default false: many providers send none. */
  readonly requireType?: boolean;
  /** Whether they must have `exp`. Default true. Without it they live two minutes from `iat`. */
  readonly requireExpiry?: boolean;
}

/** Options about the OpenID Provider, and what it is asked. */
export interface ProviderOptions
  extends ProviderAddressOptions, ProviderSecurityOptions {
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
  /**
   * The client's secret, or a function that gives it and is asked at each use, so
   * that it changes without a restart. Default none: it is required unless
   * `clientAuth` needs none.
   */
  readonly clientSecret?: string | (() => string | Promise<string>);
  /**
   * How the client authenticates. Default `client_secret_basic`. The provider's
   * metadata does not change it.
   *
   * `client_secret_basic`, `client_secret_post` and `client_secret_jwt` take
   * `clientSecret`. `tls_client_auth` and `self_signed_tls_client_auth` (RFC 8705)
   * take the certificate that the option `fetch` shows. `PrivateKeyJwt(key)`,
   * `ClientSecretJwt(secret)`, and `None()` for a public client, are exported by
   * `express-login-kit`; other client authentication functions of `openid-client` 6
   * do as well. The first two take the option `audience`, for providers that want
   * another one than their issuer.
   *
   * @see docs/security-profiles.md#client-authentication
   */
  readonly clientAuth?: ClientAuthName | ClientAuth;
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
  /**
   * How the provider answers. Default `query`. `query.jwt` and `form_post.jwt`: by
   * a signed JWT (JARM); any other answer is refused. `response_mode` is not sent
   * for `query`.
   */
  readonly responseMode?: ResponseMode;
  /** Whether UserInfo is fetched at login. Default: if the provider has it and `scope` asks for more than `openid` and `offline_access`. */
  readonly userInfo?: boolean;
  /**
   * How old claims may be before a guarded request has them renewed: by a refresh,
   * whose ID Token counts, and by UserInfo where that is fetched at login. Seconds,
   * up to a year. Default: none, claims stay as they were at login.
   *
   * `iss`, `sub`, `auth_time`, `acr` and `amr` stay. A user whom the provider does
   * not know any more is signed out. Where the claims cannot be renewed, those
   * there are count for as long again; then requests get 503 while the provider
   * cannot be asked, and the login ends where it has nothing to renew them by.
   *
   * @see docs/sessions-and-tokens.md#claims-that-are-kept-fresh
   */
  readonly claimsRefreshSeconds?: number;
  /**
   * The one accepted signature algorithm of ID Tokens: RS, PS, ES, HS with 256,
   * 384, 512, `EdDSA`, `Ed25519`, or `ML-DSA-44`, `-65`, `-87` (post-quantum,
   * RFC 9964) where Node.js has it. Default `RS256`. HS needs `clientSecret`.
   */
  readonly idTokenSigningAlg?: string;
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
   * Where the claims have the user's roles, for the guard's rule `roles`: a name
   * (`"https://shop.example/roles"` is one too), a list of names that lead there,
   * such as `["realm_access", "roles"]`, or a function of the claims. Default
   * `roles`. The claim is a list of texts, or one text; in anything else there is
   * no role.
   */
  readonly rolesClaim?: RolesClaim;
  /**
   * Whether authorization requests go to the provider directly, and only a
   * reference to them through the browser (RFC 9126). Default `auto`: where the
   * provider's metadata has an endpoint for it. `always`: a provider without
   * one is `ERR_DISCOVERY_INVALID`, as is with `never` one that requires it.
   */
  readonly pushedAuthorizationRequests?: "auto" | "always" | "never";
  /**
   * Whether tokens are bound to a key of the login (DPoP, RFC 9449), so that
   * nobody can use one that was stolen. Default `auto`: where the provider's
   * metadata offers it (`dpop_signing_alg_values_supported`) and the kit carries
   * tokens to a resource server. `always`: a provider without it is
   * `ERR_DISCOVERY_INVALID`, and tokens that are not bound are refused.
   *
   * @see docs/dpop.md
   */
  readonly senderConstrained?: "auto" | "always" | "never";
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
   * only the requests that wait for it give up after this time. Functions of the
   * application that such a request needs (`clientSecret`, `clientAuth`, `tenants`, keys)
   * may take as long.
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
    | "claimsRefreshSeconds"
    | keyof ProviderAddressOptions
    | keyof ProviderSecurityOptions
  >,
  "backchannelLogout" | "idTokenSigningAlg" | keyof ProviderSecurityOptions
> &
  ProviderSecurityValues & {
    readonly backchannelLogout: Filled<BackchannelLogoutOptions>;
    readonly idTokenSigningAlg: SignatureAlgorithmName;
  };

/** What they may be. */
export const providerShape: Shape<ProviderValues> = {
  ...providerAddressShape,
  ...providerSecurityShape,
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
  clientSecret: clientSecretSchema,
  clientAuth: z
    .union(
      [z.enum(CLIENT_AUTH_NAMES), functionValue<ClientAuth>("")],
      `must be ${CLIENT_AUTH_NAMES.join(", ")}, or a function such as PrivateKeyJwt(key), ClientSecretJwt(secret) or None() of this package`,
    )
    .default("client_secret_basic"),
  scope: text.default("openid"),
  authorizationParameters: z.record(text, text).default({}),
  loginParameters: texts.default(["login_hint", "ui_locales", "prompt"]),
  responseMode: z
    .enum(["query", "form_post", "query.jwt", "form_post.jwt"])
    .default("query"),
  userInfo: z.boolean().optional(),
  claimsRefreshSeconds: z.number().positive().max(31_536_000).optional(),
  idTokenSigningAlg: algorithm(SIGNATURE_ALGORITHMS).default("RS256"),
  trustedAudiences: texts.default([]),
  acrOrder: z
    .array(text.regex(/^\S+$/, "must be one name without spaces"))
    .min(2, "must have two values at least, from the weakest to the strongest")
    .default([]),
  rolesClaim: z
    .union(
      [
        text,
        z.array(text).min(1),
        functionValue<(claims: Claims) => readonly string[]>(""),
      ],
      'must be the name of a claim, a list of names that lead to it, such as ["realm_access", "roles"], or a function of the claims',
    )
    .default("roles"),
  pushedAuthorizationRequests: z
    .enum(["auto", "always", "never"])
    .default("auto"),
  senderConstrained: z.enum(["auto", "always", "never"]).default("auto"),
  tokensEndWithSession: z.boolean().default(false),
  backchannelLogout: membersOf({
    requireType: flag(false),
    requireExpiry: flag(true),
  }).prefault({}),
  clockToleranceSeconds: z.number().min(0).max(300).default(30),
  providerTimeoutSeconds: seconds(5, 60),
};
