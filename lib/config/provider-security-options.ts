/** Options about how much of the specifications' protection is used with a provider. */
import * as z from "zod";
import {
  PUBLIC_KEY_ALGORITHMS,
  type SignatureAlgorithmName,
} from "../base/signature-algorithms.js";
import {
  type ClientKeys,
  type ClientKeySource,
  readClientKeys,
} from "./client-keys.js";
import {
  type DecryptionKeys,
  type DecryptionKeySource,
  readDecryptionKeys,
} from "./decryption-keys.js";
import { algorithm } from "./option-values.js";
import type { Shape } from "./read-options.js";

/** How the provider answers: in the address or in a form, as it is or as a signed JWT (JARM). */
export type ResponseMode =
  "query" | "form_post" | "query.jwt" | "form_post.jwt";

/** A profile of FAPI 2.0. */
export type SecurityProfile = "fapi2" | "fapi2-message-signing";

/** Options about the protection of requests and answers. */
export interface ProviderSecurityOptions {
  /**
   * Demands all that a profile demands of a client, and stops the start with what
   * is missing: `fapi2` is the FAPI 2.0 Security Profile (pushed requests, `iss` in
   * answers, tokens bound to a key, client authentication by key or certificate,
   * PS256, ES256 or EdDSA), `fapi2-message-signing` demands signed requests and
   * answers as well. What the provider has to have is checked when it is found.
   * Default: none, each protection is used where the provider offers it.
   *
   * @see docs/security-profiles.md
   */
  readonly securityProfile?: SecurityProfile;
  /**
   * The client's key for signed authorization requests (JAR, RFC 9101), in every
   * form that `PrivateKeyJwt` takes. Default: requests are not signed; a provider
   * that requires it is `ERR_DISCOVERY_INVALID`.
   *
   * @see docs/security-profiles.md#signed-requests-and-answers
   */
  readonly requestSigningKey?: ClientKeys;
  /**
   * The one accepted signature algorithm of signed answers (`responseMode`
   * `query.jwt` or `form_post.jwt`), as for `idTokenSigningAlg`, less HS. Default:
   * `idTokenSigningAlg`.
   */
  readonly responseSigningAlg?: string;
  /**
   * The one accepted signature algorithm of UserInfo responses that are JWTs
   * (Core 5.3.2): as for `idTokenSigningAlg`, less HS. Default: what the
   * provider's metadata names, or else `idTokenSigningAlg`.
   */
  readonly userInfoSigningAlg?: string;
  /**
   * The client's private keys for ID Tokens, UserInfo, logout tokens and signed
   * answers that the provider encrypts (JWE, Core 10.2, JARM 2.2): PEM, a JWK, a
   * `KeyObject` or a `CryptoKey`, or a list of them, the newest first. A function
   * that gives either, or a promise of it, is asked for each encrypted answer;
   * where it fails, or takes longer than `providerTimeoutSeconds`, that is
   * `ERR_PROVIDER_UNAVAILABLE`. Default: nothing encrypted is accepted.
   *
   * @see docs/security-profiles.md#encrypted-tokens
   */
  readonly decryptionKeys?: DecryptionKeys;
  /**
   * What the client is registered to get encrypted; one that comes in plain is
   * refused. `authorizationResponse` needs a `responseMode` that is signed.
   * Default with `decryptionKeys`: `["idToken"]`.
   */
  readonly encryptedAnswers?: readonly EncryptedAnswer[];
}

/** What a provider may encrypt for its client. */
export type EncryptedAnswer = "idToken" | "userInfo" | "authorizationResponse";

/** {@link ProviderSecurityOptions} whose shape is right. */
export interface ProviderSecurityValues {
  readonly securityProfile?: SecurityProfile | undefined;
  readonly requestSigningKey?: ClientKeySource | undefined;
  readonly responseSigningAlg?: SignatureAlgorithmName | undefined;
  readonly userInfoSigningAlg?: SignatureAlgorithmName | undefined;
  readonly decryptionKeys?: DecryptionKeySource | undefined;
  readonly encryptedAnswers?: readonly EncryptedAnswer[] | undefined;
}

/** Whether answers are signed. */
export function isJarm(responseMode: ResponseMode): boolean {
  return responseMode.endsWith(".jwt");
}

/** Whether answers are posted. */
export function isPosted(responseMode: ResponseMode): boolean {
  return responseMode.startsWith("form_post");
}

/** Keys of the client, read. */
function keys<Keys>(read: (given: unknown) => Keys): z.ZodType<Keys> {
  return z.unknown().transform((given, context) => {
    try {
      return read(given);
    } catch (error) {
      context.addIssue(error instanceof Error ? error.message : String(error));
      return z.NEVER;
    }
  });
}

/** What is wrong with them together. */
export function encryptionProblems({
  decryptionKeys,
  encryptedAnswers,
  responseMode,
}: ProviderSecurityValues & {
  readonly responseMode?: ResponseMode | undefined;
}): string[] {
  return [
    ...(encryptedAnswers !== undefined && decryptionKeys === undefined
      ? ["encryptedAnswers: needs decryptionKeys, the keys that open them"]
      : []),
    ...(encryptedAnswers?.includes("authorizationResponse") === true &&
    responseMode !== undefined &&
    !isJarm(responseMode)
      ? [
          `encryptedAnswers: names authorizationResponse, and responseMode is ${responseMode}; set that to ${responseMode}.jwt, as what is encrypted has to be signed`,
        ]
      : []),
  ];
}

/** What they may be. */
export const providerSecurityShape: Shape<ProviderSecurityValues> = {
  securityProfile: z.enum(["fapi2", "fapi2-message-signing"]).optional(),
  requestSigningKey: keys(readClientKeys).optional(),
  responseSigningAlg: algorithm(PUBLIC_KEY_ALGORITHMS).optional(),
  userInfoSigningAlg: algorithm(PUBLIC_KEY_ALGORITHMS).optional(),
  decryptionKeys: keys(readDecryptionKeys).optional(),
  encryptedAnswers: z
    .array(
      z.enum(
        ["idToken", "userInfo", "authorizationResponse"],
        'must be "idToken", "userInfo" or "authorizationResponse"',
      ),
      'must be a list, such as ["idToken"]',
    )
    .optional(),
};
