/** The recipe for Microsoft Entra ID: users of one tenant, of some, or of any that the application accepts. */
import * as z from "zod";
import { ConfigError } from "../base/errors.js";
import type { ProviderOptions } from "../config/provider-options.js";
import { logoutHint, tenantId } from "./microsoft.js";
import { checkedParameters, scope as scopeText } from "./parameters.js";

/** Parameters of {@link entra}. */
export interface EntraParameters {
  /**
   * Whose users may sign in: the id of a tenant, a list of ids, or a function
   * that is asked about the tenant of each user.
   *
   * Ids, not domains: the issuer has the id.
   */
  readonly tenant:
    | string
    | readonly string[]
    | ((tenantId: string) => boolean | Promise<boolean>);
  /** Whether the users of personal Microsoft accounts are among those that the function `tenant` is asked about. Default false. */
  readonly personalAccounts?: boolean;
  /** The national cloud that the tenants are in. Default `global`. */
  readonly cloud?: "global" | "usGovernment" | "china";
  /** Default `openid profile email offline_access`. */
  readonly scope?: string;
}

/** What {@link entra} sets. */
export type EntraOptions = Pick<
  ProviderOptions,
  | "issuer"
  | "tenants"
  | "metadataUrl"
  | "scope"
  | "clientAuth"
  | "userInfo"
  | "logoutParameters"
>;

const CLOUDS = {
  global: "https://login.microsoftonline.com",
  usGovernment: "https://login.microsoftonline.us",
  china: "https://login.partner.microsoftonline.cn",
} as const;

/** The tenant of all personal accounts. */
const PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad";

const SHAPE = {
  tenant: z.union(
    [
      tenantId,
      z.array(tenantId).min(1, "must not be empty: nobody could sign in"),
      z.custom<(tenantId: string) => boolean | Promise<boolean>>(
        (value) => typeof value === "function",
      ),
    ],
    "must be the id of a tenant (a UUID, not a domain), a list of ids, or a function that knows them",
  ),
  personalAccounts: z.boolean().default(false),
  cloud: z.enum(["global", "usGovernment", "china"]).default("global"),
  scope: scopeText.default("openid profile email offline_access"),
};

/**
 * Options for Microsoft Entra ID (v2.0): the issuer of one tenant or of each
 * one, no UserInfo at sign-in, and a logout that does not ask which account.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/entra.md
 */
export function entra(parameters: EntraParameters): EntraOptions {
  const { tenant, personalAccounts, cloud, scope } = checkedParameters(
    "entra",
    SHAPE,
    parameters,
  );
  if (personalAccounts && typeof tenant !== "function") {
    throw new ConfigError(
      [
        `personalAccounts: goes with a function tenant; a list may have ${PERSONAL}`,
      ],
      "entra",
    );
  }
  const authority = CLOUDS[cloud];
  const always = {
    scope,
    clientAuth: "client_secret_post",
    userInfo: false,
    logoutParameters: logoutHint,
  } as const;
  if (typeof tenant === "string") {
    return { issuer: `${authority}/${tenant}/v2.0`, ...always };
  }
  const hasPersonal =
    personalAccounts || (Array.isArray(tenant) && tenant.includes(PERSONAL));
  return {
    issuer: `${authority}/{tenantid}/v2.0`,
    tenants: tenant,
    metadataUrl: `${authority}/${hasPersonal ? "common" : "organizations"}/v2.0/.well-known/openid-configuration`,
    ...always,
  };
}
