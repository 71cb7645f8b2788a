/** Which of a provider's claims about a user are kept with the login. */
import { LoginKitError } from "../base/errors.js";
import type { Secret } from "../base/secret.js";
import type { Claims } from "../stores/login-store.js";
import { excessOf } from "./claims-bounds.js";

/** Claims about the ID Token and the provider's session; they say nothing about the user. */
const PROTOCOL_CLAIMS = new Set(
  "aud azp exp iat nbf jti nonce sid at_hash c_hash s_hash".split(" "),
);

/** Claims that say who signed in, and how: they are those of the login, whatever comes later. */
const LOGIN_CLAIMS = new Set("iss sub auth_time acr amr".split(" "));

/** What is refused where claims are too much. */
const REFUSED = {
  ERR_ID_TOKEN_INVALID: "the ID Token was refused",
  ERR_USERINFO_INVALID: "the UserInfo response was refused",
};

/**
 * What is kept of all claims about a user.
 *
 * @throws {LoginKitError} `ERR_USERINFO_INVALID` where they are too much together
 */
export function keptClaims(claims: Claims): Claims {
  const kept = filtered(claims, (name) => !PROTOCOL_CLAIMS.has(name)) as Claims;
  refuseExcess(kept, "ERR_USERINFO_INVALID");
  return kept;
}

/** @throws {LoginKitError} with this code, where the claims are longer or deeper than may be kept */
export function refuseExcess(claims: Claims, code: keyof typeof REFUSED): void {
  const excess = excessOf(claims);
  if (excess === undefined) return;
  throw new LoginKitError(code, { message: `${REFUSED[code]}: ${excess}` });
}

/** The newest that the provider said of a user. */
export interface NewestClaims {
  /** The newest ID Token that it sent. */
  readonly idToken: Secret;
  /** Whether it was sent just now. */
  readonly isIdTokenNew: boolean;
  /** What UserInfo says now; undefined: it was not asked. */
  readonly userInfo: Claims | undefined;
}

/**
 * The claims of a login after they were asked for again. What has become of a
 * claim that nobody sends any more is not known, so it goes.
 *
 * @param before those of the login by now
 * @throws {LoginKitError} `ERR_USERINFO_INVALID` where they are too much
 */
export async function renewedClaims(
  before: Claims,
  { idToken, isIdTokenNew, userInfo }: NewestClaims,
): Promise<Claims> {
  const { decodeJwt } = await import("jose");
  const signed = decodeJwt<Claims>(idToken.reveal());
  // Of two that are new the signed one counts, as at login; else the new one.
  const all = isIdTokenNew
    ? { ...userInfo, ...signed }
    : { ...signed, ...userInfo };
  const isOfLogin = (name: string): boolean => LOGIN_CLAIMS.has(name);
  return keptClaims({
    ...filtered(all, (name) => !isOfLogin(name)),
    ...(filtered(before, isOfLogin) as Claims),
  });
}

function filtered(
  claims: object,
  isKept: (name: string) => boolean,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(claims).filter(([name]) => isKept(name)),
  );
}
