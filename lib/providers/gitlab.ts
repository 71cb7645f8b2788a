/** The recipe for GitLab. */
import type { ProviderOptions } from "../config/provider-options.js";
import {
  address,
  checkedParameters,
  scope as scopeText,
} from "./parameters.js";

/** Parameters of {@link gitlab}. */
export interface GitlabParameters {
  /** The address of the instance, with its path where it has one. Default `https://gitlab.com`. */
  readonly url?: string;
  /** Default `openid profile email`. The application's registration must have each of them. */
  readonly scope?: string;
}

/** What {@link gitlab} sets. */
export type GitlabOptions = Pick<
  ProviderOptions,
  "issuer" | "scope" | "clientAuth"
>;

const SHAPE = {
  url: address.default("https://gitlab.com"),
  scope: scopeText.default("openid profile email"),
};

/**
 * Options for GitLab: sends the client secret in the body. In the header GitLab
 * compares it without decoding, and its secrets have a hyphen, which is encoded
 * there (RFC 6749 2.3.1).
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/gitlab.md
 */
export function gitlab(parameters: GitlabParameters = {}): GitlabOptions {
  const { url, scope } = checkedParameters("gitlab", SHAPE, parameters);
  return { issuer: url, scope, clientAuth: "client_secret_post" };
}
