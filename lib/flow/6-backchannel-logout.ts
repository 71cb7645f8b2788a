/** Ends logins when the provider says so (Back-Channel Logout 1.0). */
import { createHash, randomUUID } from "node:crypto";
import { LoginKitError } from "../base/errors.js";
import type { LoginGroup, LoginStore } from "../stores/login-store.js";
import { lookUntil } from "../stores/look-until.js";
import type { LogoutToken } from "../provider/logout-token.js";
import type { Handler } from "../http/answer.js";
import { witness } from "../telling/witness.js";
import type { Parts } from "../parts.js";
import { readForm } from "../http/form.js";
import { providerNameIn } from "../http/provider-name.js";
import { requireMethod } from "../http/method.js";

/**
 * How long a logout may take before another request may try it, in
 * milliseconds. Two may: a login ends once, also where two end it.
 */
const WORK_MS = 4000;

/**
 * How long a second request with the same token waits for the first, in
 * milliseconds: longer than the turn of one that has broken off.
 */
const WAIT_MS = 5000;

/** How often it looks, in milliseconds. */
const LOOK_EVERY_MS = 50;

/** What the back-channel endpoint works with. */
type BackchannelParts = Pick<
  Parts,
  | "config"
  | "providers"
  | "loginStore"
  | "userLogins"
  | "finishing"
  | "events"
  | "now"
>;

/**
 * Creates the endpoint that the provider posts Logout Tokens to. It needs no
 * cookie and no CSRF guard: the token's signature is what counts.
 *
 * 200 when the logins are over, also when there were none; 400 for a token
 * that is not valid or was used before; 429 and 503 ask to try again.
 */
export function createBackchannelLogout(parts: BackchannelParts): Handler {
  const { config, providers, events } = parts;
  return async function backchannelLogout(req, res) {
    res.set("Cache-Control", "no-store");
    requireMethod(req, "POST");
    const form = await readForm(req, "ERR_LOGOUT_TOKEN_INVALID");
    const [token, ...more] = form.getAll("logout_token");
    if (token === undefined || more.length > 0) {
      throw new LoginKitError("ERR_LOGOUT_TOKEN_INVALID", {
        message: "the request is not a form with one logout_token",
      });
    }
    const provider = await providers.ofLogoutToken(
      token,
      providerNameIn(req, config.paths.backchannelLogout, config),
    );
    const logout = await provider.readLogoutToken(token, (claims) =>
      loginsMeant(claims, parts),
    );
    const ended = await once(logout, () => endLogins(logout, parts), parts);
    events.emit("logout.received", { channel: "back", ended });
    res.status(200).end();
  };
}

/**
 * Lets each token have its effect once, in whatever process (section 2.6, 8).
 * A token whose effect failed may come again.
 */
async function once<Effect>(
  { provider, issuer, jti, usableUntil }: LogoutToken,
  act: () => Promise<Effect>,
  { loginStore, finishing, events, now }: BackchannelParts,
): Promise<Effect> {
  const hash = createHash("sha256").update(
    JSON.stringify([provider, issuer, jti]),
  );
  const name = `jti.${hash.digest("base64url")}`;
  const owner = randomUUID();
  let effect: Effect;
  try {
    await takeTurn(name, owner, loginStore);
    effect = await act();
  } catch (error) {
    // Also after a lock that may have been taken although no answer came. Who
    // repeats the token waits for it, so this takes its time.
    finishing
      .finish((persist) => persist(() => loginStore.releaseLock(name, owner)))
      .catch(() => undefined);
    throw error;
  }
  const remember = async (): Promise<void> => {
    // The turn may be over by now.
    const outcome = await loginStore.takeLock(name, owner, WORK_MS);
    const usable = Math.max(1, Math.ceil(usableUntil - now()));
    if (outcome === "taken") await loginStore.pauseLock(name, owner, usable);
  };
  try {
    await finishing.finish((persist) => persist(remember));
  } catch (error) {
    // The logins are over, and it goes on trying.
    if (!(error instanceof LoginKitError)) throw error;
    events.emit("error", error);
  }
  return effect;
}

/**
 * Returns when this request is the one to act.
 *
 * @throws {LoginKitError} `ERR_LOGOUT_TOKEN_INVALID` after an effect, `ERR_STORE_UNAVAILABLE` while another request is still at it
 */
async function takeTurn(
  name: string,
  owner: string,
  loginStore: LoginStore,
): Promise<void> {
  const outcome = await lookUntil(
    () => loginStore.takeLock(name, owner, WORK_MS),
    (seen) => seen === "taken" || seen === "paused",
    { withinMs: WAIT_MS, firstMs: LOOK_EVERY_MS, mostMs: LOOK_EVERY_MS },
  );
  if (outcome === "taken") {
    witness()?.passed("jti");
    return;
  }
  if (outcome === "paused") witness()?.failed("jti");
  throw outcome === "paused"
    ? new LoginKitError("ERR_LOGOUT_TOKEN_INVALID", {
        message: "the Logout Token was refused: its jti was used before",
      })
    : new LoginKitError("ERR_STORE_UNAVAILABLE", {
        message: "another request with this Logout Token is still at work",
      });
}

/** How many logins ended. */
async function endLogins(
  token: LogoutToken,
  { userLogins, now }: BackchannelParts,
): Promise<number> {
  const { issuedAt } = token;
  let ended = 0;
  for (const group of groupsMeant(token)) {
    ended += await userLogins.endAll(group, "provider_logout", {
      mark: { at: now(), issuedAt },
    });
  }
  return ended;
}

/** Names the first group of live logins that a token would end. */
async function loginsMeant(
  token: LogoutToken,
  { loginStore }: BackchannelParts,
): Promise<string | undefined> {
  for (const group of groupsMeant(token)) {
    const logins = await loginStore.loginsOf(group);
    if (logins.length > 0) return JSON.stringify(group);
  }
  return undefined;
}

/** Section 2.7: with `sid` that session, with `sub` alone all of the user's. */
function groupsMeant({
  provider,
  issuer,
  subject,
  providerSessionId,
}: LogoutToken): readonly LoginGroup[] {
  const owner = { provider, issuer };
  if (providerSessionId === undefined) {
    return subject === undefined ? [] : [{ ...owner, subject }];
  }
  const session = { ...owner, providerSessionId };
  // A login whose ID Token named no session may be the one that is meant.
  return subject === undefined
    ? [session]
    : [session, { ...owner, subjectWithoutSession: subject }];
}
