/** The access tokens of a login, each under the name of what it is for. */
import type { ResourceServer } from "../config/config.js";
import { LoginKitError } from "../base/errors.js";
import type { LiveLogin } from "../logins/current-login.js";
import type {
  IssuedToken,
  LoginStore,
  StoredTokenSet,
} from "../stores/login-store.js";

/**
 * The name that a server's token is kept under: two servers share one only if
 * they ask for the same. A resource indicator has no space, so names are unique.
 */
export function tokenName(server: ResourceServer | undefined): string {
  const how = server?.tokenExchange === true ? "\texchanged" : "";
  return `${server?.resource ?? ""} ${server?.scope ?? ""}${how}`.trimEnd();
}

/** The token for a server; no server: the one that was issued at login. */
export function tokenOf(
  { tokens }: StoredTokenSet,
  server: ResourceServer | undefined,
): IssuedToken | undefined {
  return tokens.accessTokens[tokenName(server)];
}

/** Which token is wanted. */
export interface WantedToken {
  readonly login: LiveLogin;
  readonly server: ResourceServer | undefined;
  /** One that was refused: not this one. */
  readonly rejected: string | undefined;
}

/** Names a token among those of all logins. */
export function nameOf({ login, server }: WantedToken): string {
  return `${login.id} ${tokenName(server)}`;
}

/** The wanted token, if there is one that is good for the purpose. */
export function goodToken(
  stored: StoredTokenSet,
  { login, server, rejected }: WantedToken,
  isGood: (token: IssuedToken) => boolean,
): IssuedToken | undefined {
  const token = tokenOf(stored, server);
  const mustBeBound = login.provider.senderConstrained === "always";
  return token !== undefined &&
    isGood(token) &&
    // One from before the option was set is replaced, or there is none.
    (token.type === "DPoP" || !mustBeBound) &&
    (rejected === undefined || token.value.reveal() !== rejected)
    ? token
    : undefined;
}

/** @throws {LoginKitError} `ERR_LOGIN_REQUIRED` when the login is over */
export async function readTokens(
  loginStore: LoginStore,
  { id, browserPart }: LiveLogin,
): Promise<StoredTokenSet> {
  const stored = await loginStore.readTokens(id, browserPart);
  if (stored === undefined) throw new LoginKitError("ERR_LOGIN_REQUIRED");
  return stored;
}
