/** The recipe for Sign in with Apple. */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import * as z from "zod";
import type { ProviderOptions } from "../config/provider-options.js";
import { checkedParameters, scope as scopeText, word } from "./parameters.js";

/** Parameters of {@link apple}. */
export interface AppleParameters {
  /** The id of the team, ten characters. */
  readonly teamId: string;
  /** The id of the key for Sign in with Apple. */
  readonly keyId: string;
  /** That key: the text of the file `AuthKey_….p8`. */
  readonly privateKey: string;
  /** Default `openid name email`. */
  readonly scope?: string;
}

/** What {@link apple} sets. */
export type AppleOptions = Pick<
  ProviderOptions,
  "issuer" | "scope" | "clientAuth" | "responseMode" | "userInfo"
>;

const SHAPE = {
  teamId: word,
  keyId: word,
  privateKey: z
    .string({
      error: ({ input }) =>
        input === undefined ? "is missing" : "must be a text in PEM",
    })
    .transform((pem, context): KeyObject => {
      const key = keyIn(pem);
      if (key !== undefined) return key;
      context.addIssue(
        "must be an EC key on P-256 in PEM: the text of the file AuthKey_….p8",
      );
      return z.NEVER;
    }),
  scope: scopeText.default("openid name email"),
};

const ISSUER = "https://appleid.apple.com";

/** How long a client secret is valid; Apple allows half a year. */
const SECRET_SECONDS = 3600;

/** How long before its end there is a new one: longer than clocks differ. */
const RENEWED_BEFORE_SECONDS = 600;

/**
 * Options for Sign in with Apple: makes the client secret, a JWT that is signed
 * with the team's key, and takes the answer by `form_post`, which Apple demands
 * where a name or an e-mail address is asked for.
 *
 * @throws {LoginKitError} `ERR_CONFIG` for wrong parameters
 * @see docs/providers/apple.md
 */
export function apple(parameters: AppleParameters): AppleOptions {
  const { teamId, keyId, privateKey, scope } = checkedParameters(
    "apple",
    SHAPE,
    parameters,
  );
  return {
    issuer: ISSUER,
    scope,
    clientAuth: bySignedSecret(teamId, keyId, privateKey),
    responseMode: "form_post",
    userInfo: false,
  };
}

type ClientAuth = Exclude<ProviderOptions["clientAuth"], string | undefined>;

/** Client authentication with a secret that is made when it is needed, and kept for a while. */
function bySignedSecret(
  teamId: string,
  keyId: string,
  key: KeyObject,
): ClientAuth {
  const secrets = new Map<
    string,
    { readonly secret: string; readonly renewAt: number }
  >();
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- the kit waits for it, which its type does not say
  return async function appleClientSecret(_provider, { client_id: id }, body) {
    const seconds = Math.floor(Date.now() / 1000);
    let kept = secrets.get(id);
    if (kept === undefined || kept.renewAt <= seconds) {
      const secret = await new SignJWT()
        .setProtectedHeader({ alg: "ES256", kid: keyId })
        .setIssuer(teamId)
        .setSubject(id)
        .setAudience(ISSUER)
        .setIssuedAt(seconds)
        .setExpirationTime(seconds + SECRET_SECONDS)
        .sign(key);
      kept = {
        secret,
        renewAt: seconds + SECRET_SECONDS - RENEWED_BEFORE_SECONDS,
      };
      secrets.set(id, kept);
    }
    body.set("client_id", id);
    body.set("client_secret", kept.secret);
  };
}

/** What is no key, or one of another kind, is told without what it was. */
function keyIn(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyDetails?.namedCurve === "prime256v1"
      ? key
      : undefined;
  } catch {
    return undefined;
  }
}
