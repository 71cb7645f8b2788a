/** The recipe for ZITADEL. */
import * as z from "zod";
import type { ProviderOptions } from "../config/provider-options.js";
import {
  address,
  checkedParameters,
  scope as scopeText,
  word,
} from "./parameters.js";

/** Parameters of {@link zitadel}. */
export interface ZitadelParameters {
  /** The address of the instance, such as `https://shop-a1b2c3.zitadel.cloud`: its issuer. */
  readonly url: string;
  /** The id of the project that the application belongs to. */
  readonly projectId: string;
  /** The client ids of the project's other applications: they are audiences of its tokens as well. Default none. */
  readonly otherClientIds?: readonly string[];
  /** Scope, to which that of the project is added. Default `openid profile email offline_access`. */
  readonly scope?: string;
}

/** What {@link zitadel} sets. */
export type ZitadelOptions = Pick<
  ProviderOptions,
  "issuer" | "scope" | "trustedAudiences" | "rolesClaim"
>;

/** The claim with the project's roles: an object with a member for each. */
const ROLES = "urn:zitadel:iam:org:project:roles";

const SHAPE = {
  url: address,
  projectId: word,
  otherClientIds: z.array(word).default([]),
  scope: scopeText.default("openid profile email offline_access"),
};

/**
 * Options for ZITADEL: trusts the audiences that its tokens have beside this
 * client, asks for the project's audience and roles, and reads the roles.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/zitadel.md
 */
export function zitadel(parameters: ZitadelParameters): ZitadelOptions {
  const { url, projectId, otherClientIds, scope } = checkedParameters(
    "zitadel",
    SHAPE,
    parameters,
  );
  return {
    issuer: url,
    scope: `${scope} urn:zitadel:iam:org:project:id:${projectId}:aud urn:zitadel:iam:org:projects:roles`,
    trustedAudiences: [projectId, ...otherClientIds],
    rolesClaim: ({ [ROLES]: roles }) =>
      typeof roles === "object" && roles !== null ? Object.keys(roles) : [],
  };
}
