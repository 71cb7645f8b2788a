/** The recipe for PingOne. */
import * as z from "zod";
import { ConfigError } from "../base/errors.js";
import type { ProviderOptions } from "../config/provider-options.js";
import {
  checkedParameters,
  host,
  scope as scopeText,
  word,
} from "./parameters.js";

/** Parameters of {@link pingOne}: either `environmentId`, or `customDomain`. */
export interface PingOneParameters {
  /** The id of the environment. */
  readonly environmentId?: string;
  /** What the addresses of the environment's region end in. Default `com`, North America. */
  readonly region?: "com" | "ca" | "eu" | "asia" | "com.au" | "sg";
  /** The domain that the environment has for itself, such as `login.example.com`. */
  readonly customDomain?: string;
  /** Default `openid profile email`. */
  readonly scope?: string;
}

/** What {@link pingOne} sets. */
export type PingOneOptions = Pick<ProviderOptions, "issuer" | "scope">;

const SHAPE = {
  environmentId: word.optional(),
  region: z
    .enum(
      ["com", "ca", "eu", "asia", "com.au", "sg"],
      "must be com, ca, eu, asia, com.au or sg",
    )
    .optional(),
  customDomain: host.optional(),
  scope: scopeText.default("openid profile email"),
};

/**
 * Options for PingOne: the issuer of an environment.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/pingOne.md
 */
export function pingOne(parameters: PingOneParameters): PingOneOptions {
  const { environmentId, region, customDomain, scope } = checkedParameters(
    "pingOne",
    SHAPE,
    parameters,
  );
  if (customDomain === undefined && environmentId !== undefined) {
    return {
      issuer: `https://auth.pingone.${region ?? "com"}/${environmentId}/as`,
      scope,
    };
  }
  if (
    customDomain === undefined ||
    environmentId !== undefined ||
    region !== undefined
  ) {
    throw new ConfigError(
      ["must have either environmentId, with region, or customDomain"],
      "pingOne",
    );
  }
  return { issuer: `https://${customDomain}/as`, scope };
}
