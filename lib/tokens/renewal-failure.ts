/** What follows when a provider gives no new token: the login ends, or another process was faster. */
import type { ResourceServer } from "../config/config.js";
import type { Ground } from "../config/ground.js";
import { LoginKitError } from "../base/errors.js";
import type { LiveLogin } from "../logins/current-login.js";
import { subjectOf, type LoginEnding } from "../logins/login-ending.js";
import type {
  IssuedToken,
  LoginStore,
  StoredTokenSet,
} from "../stores/login-store.js";
import { lookUntil } from "../stores/look-until.js";
import { readTokens, tokenOf } from "./login-tokens.js";

/** How long a rejected refresh waits for another process that was first. */
const WINNER_WAIT_MS = 500;

/** How often it looks for what the winner stored. */
const LOOK_EVERY_MS = 50;

/**
 * Gives the token that another process has stored meanwhile, or throws the
 * failure. Where the provider says that it is over, the login ends.
 *
 * @param before the tokens that the failed request was made with
 */
export async function afterFailure(
  error: unknown,
  login: LiveLogin,
  server: ResourceServer | undefined,
  before: StoredTokenSet,
  {
    loginStore,
    loginEnding,
    events,
  }: Pick<Ground, "loginStore" | "events"> & {
    readonly loginEnding: LoginEnding;
  },
): Promise<IssuedToken> {
  if (!(error instanceof LoginKitError)) throw error;
  const { id, record, browserPart } = login;
  events.emit("token.refresh_failed", {
    ...subjectOf(id, record.identity),
    code: error.code,
  });
  if (!endsLogin(error)) throw error;
  // Another process may have used the refresh token before us. What it got
  // may be on its way to the store, and then it counts.
  const newer = await newerToken(login, server, before, loginStore);
  if (newer !== undefined) return newer;
  const { revision } = before;
  const ended = await loginEnding.endAt(
    id,
    "refresh_rejected",
    revision,
    browserPart,
  );
  if (ended !== undefined) throw error;
  // Replaced in the last moment, or ended by somebody else.
  const latest = tokenOf(await readTokens(loginStore, login), server);
  if (latest === undefined) throw error;
  return latest;
}

async function newerToken(
  login: LiveLogin,
  server: ResourceServer | undefined,
  before: StoredTokenSet,
  loginStore: LoginStore,
): Promise<IssuedToken | undefined> {
  const latest = await lookUntil(
    () => readTokens(loginStore, login),
    ({ revision }) => revision !== before.revision,
    { withinMs: WINNER_WAIT_MS, firstMs: LOOK_EVERY_MS, mostMs: LOOK_EVERY_MS },
  );
  return latest.revision === before.revision
    ? undefined
    : tokenOf(latest, server);
}

/** Whether the provider, not the network, said that it is over (RFC 6749 5.2, Core 12.2). */
function endsLogin({ code }: LoginKitError): boolean {
  return code === "ERR_REFRESH_REJECTED" || code === "ERR_ID_TOKEN_INVALID";
}
