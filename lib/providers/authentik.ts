/** The recipe for authentik. */
import * as z from "zod";
import type { ProviderOptions } from "../config/provider-options.js";
import {
  address,
  checkedParameters,
  scope as scopeText,
  word,
} from "./parameters.js";

/** Parameters of {@link authentik}. */
export interface AuthentikParameters {
  /** The address of the instance, such as `https://sso.example`. */
  readonly url: string;
  /** The slug of the application. */
  readonly slug: string;
  /**
   * The issuer mode of the provider: one issuer for each application
   * (`per_provider`), or one for all (`global`). Default `per_provider`.
   */
  readonly issuerMode?: "per_provider" | "global";
  /** Default `openid profile email offline_access`. */
  readonly scope?: string;
}

/** What {@link authentik} sets. */
export type AuthentikOptions = Pick<
  ProviderOptions,
  "issuer" | "metadataUrl" | "scope" | "clientAuth"
>;

const SHAPE = {
  url: address,
  slug: word,
  issuerMode: z
    .enum(["per_provider", "global"], "must be per_provider or global")
    .default("per_provider"),
  scope: scopeText.default("openid profile email offline_access"),
};

/**
 * Options for authentik: its issuers end in a slash, its metadata are the
 * application's also where the issuer is not, and it compares a client secret in
 * the header without decoding, so the secret is sent in the body.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/authentik.md
 */
export function authentik(parameters: AuthentikParameters): AuthentikOptions {
  const { url, slug, issuerMode, scope } = checkedParameters(
    "authentik",
    SHAPE,
    parameters,
  );
  const application = `${url}/application/o/${slug}/`;
  return {
    issuer: issuerMode === "global" ? `${url}/` : application,
    metadataUrl: `${application}.well-known/openid-configuration`,
    scope,
    clientAuth: "client_secret_post",
  };
}
