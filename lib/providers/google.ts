/** The recipe for Google. */
import * as z from "zod";
import type { ProviderOptions } from "../config/provider-options.js";
import { checkedParameters, scope as scopeText } from "./parameters.js";

/** Parameters of {@link google}. */
export interface GoogleParameters {
  /** Whether refresh tokens are asked for, at the price that users are asked to agree at each sign-in. Default false. */
  readonly refreshTokens?: boolean;
  /** Default `openid profile email`. Without `offline_access`, which is unknown there. */
  readonly scope?: string;
}

/** What {@link google} sets. */
export type GoogleOptions = Pick<
  ProviderOptions,
  "issuer" | "scope" | "authorizationParameters"
>;

const SHAPE = {
  refreshTokens: z.boolean().default(false),
  scope: scopeText
    .refine(
      (value) => !value.split(" ").includes("offline_access"),
      "must not have offline_access, which is unknown there; set refreshTokens",
    )
    .default("openid profile email"),
};

/**
 * Options for Google, which has refresh tokens by parameters of its own.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/google.md
 */
export function google(parameters: GoogleParameters = {}): GoogleOptions {
  const { refreshTokens, scope } = checkedParameters(
    "google",
    SHAPE,
    parameters,
  );
  return {
    issuer: "https://accounts.google.com",
    scope,
    ...(refreshTokens && {
      authorizationParameters: { access_type: "offline", prompt: "consent" },
    }),
  };
}
