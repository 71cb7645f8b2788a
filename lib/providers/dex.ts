/** The recipe for dex. */
import * as z from "zod";
import type { ProviderOptions } from "../config/provider-options.js";
import {
  address,
  checkedParameters,
  scope as scopeText,
  word,
} from "./parameters.js";

/** Parameters of {@link dex}. */
export interface DexParameters {
  /** The option `issuer` of dex, such as `https://sso.example/dex`. */
  readonly url: string;
  /**
   * Other clients that the tokens are for as well, by their ids; each of them
   * names this client among its `trustedPeers`. Default none.
   */
  readonly audiences?: readonly string[];
  /** Scope, to which those of `audiences` are added. Default `openid profile email offline_access`. */
  readonly scope?: string;
}

/** What {@link dex} sets. */
export type DexOptions = Pick<
  ProviderOptions,
  "issuer" | "scope" | "trustedAudiences"
>;

const SHAPE = {
  url: address,
  audiences: z.array(word).default([]),
  scope: scopeText.default("openid profile email offline_access"),
};

/**
 * Options for dex: asks for `offline_access`, without which there is no refresh
 * token, and for the audience of other clients, which it then trusts.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/dex.md
 */
export function dex(parameters: DexParameters): DexOptions {
  const { url, audiences, scope } = checkedParameters("dex", SHAPE, parameters);
  const asked = audiences.map((id) => `audience:server:client_id:${id}`);
  return {
    issuer: url,
    scope: [scope, ...asked].join(" "),
    trustedAudiences: audiences,
  };
}
