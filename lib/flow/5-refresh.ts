/** Hands out an access token that is still valid. */
import type { Config, ResourceServer } from "../config.js";
import { LoginKitError } from "../errors.js";
import type { LoginKitEmitter } from "../events.js";
import type {
  AccessToken,
  LoginStore,
  StoredTokenSet,
} from "../login-store/login-store.js";
import type {
  RefreshedTokens,
  TokenRequests,
} from "../provider/token-requests.js";
import { resourceServerNamed } from "../resource/resource-servers.js";
import type { Secret } from "../secret.js";
import {
  subjectOf,
  type CurrentLogin,
  type LiveLogin,
} from "../session/current-login.js";

/** What the refresh works with. */
export interface RefreshDeps {
  readonly config: Config;
  readonly loginStore: LoginStore;
  readonly tokenRequests: TokenRequests;
  readonly currentLogin: CurrentLogin;
  readonly events: LoginKitEmitter;
  readonly now: () => number;
}

/**
 * A valid access token of a login, refreshed when it is about to expire.
 *
 * @param resourceServer name of a configured server; absent: the token issued without a resource indicator
 * @throws {LoginKitError} `ERR_LOGIN_REQUIRED`, `ERR_NO_ACCESS_TOKEN`, `ERR_REFRESH_REJECTED`, `ERR_PROVIDER_UNAVAILABLE`, `ERR_STORE_UNAVAILABLE`, `ERR_RESOURCE_NOT_ALLOWED`
 */
export type AccessTokenFor = (
  login: LiveLogin,
  resourceServer?: string,
) => Promise<Secret>;

/** Creates the one place that refreshes tokens. */
export function createRefresh(deps: RefreshDeps): AccessTokenFor {
  const { config, loginStore, now } = deps;
  const shared = new Map<string, Promise<Secret>>();
  const inTurn = createTurns();

  return async function accessTokenFor(login, name) {
    const server =
      name === undefined ? undefined : resourceServerNamed(config, name);
    const stored = await readTokens(loginStore, login);
    const current = accessTokenOf(stored, server);
    if (current !== undefined && isFresh(current, config, now())) {
      return current.value;
    }
    // Everybody who waits for the same token shares one refresh; different
    // tokens of one login take turns, because each may replace the refresh token.
    const key = `${login.id} ${tokenName(server)}`;
    let flight = shared.get(key);
    if (flight === undefined) {
      flight = inTurn(login.id, () => refresh(login, server, deps)).finally(
        () => {
          shared.delete(key);
        },
      );
      shared.set(key, flight);
    }
    return flight;
  };
}

async function refresh(
  login: LiveLogin,
  server: ResourceServer | undefined,
  deps: RefreshDeps,
): Promise<Secret> {
  const { config, loginStore, events, now } = deps;
  // Read again: the turn before may have brought what we want.
  const stored = await readTokens(loginStore, login);
  const current = accessTokenOf(stored, server);
  if (current !== undefined && isFresh(current, config, now())) {
    return current.value;
  }
  const { refreshToken } = stored.tokens;
  if (refreshToken === undefined) {
    if (current !== undefined && isValid(current, now())) return current.value;
    throw new LoginKitError("ERR_NO_ACCESS_TOKEN");
  }
  let refreshed: RefreshedTokens;
  try {
    refreshed = await deps.tokenRequests.refresh(
      refreshToken,
      { resource: server?.resource, scope: server?.scope },
      stored.tokens,
    );
  } catch (error) {
    return afterFailure(error, login, server, stored, deps);
  }
  const { tokens } = stored;
  const outcome = await loginStore.replaceTokens(login.id, stored.revision, {
    // The first ID Token stays: it is what later ones are compared with.
    idToken: tokens.idToken,
    refreshToken: refreshed.refreshToken ?? refreshToken,
    accessTokens: {
      ...tokens.accessTokens,
      [tokenName(server)]: refreshed.accessToken,
    },
  });
  if (outcome === "ended") throw new LoginKitError("ERR_LOGIN_REQUIRED");
  events.emit("token.refreshed", subjectOf(login.id, login.record.identity));
  return refreshed.accessToken.value;
}

async function afterFailure(
  error: unknown,
  login: LiveLogin,
  server: ResourceServer | undefined,
  before: StoredTokenSet,
  deps: RefreshDeps,
): Promise<Secret> {
  const { loginStore, currentLogin, events, now } = deps;
  if (!(error instanceof LoginKitError)) throw error;
  const { identity } = login.record;
  events.emit("token.refresh_failed", {
    ...subjectOf(login.id, identity),
    code: error.code,
  });
  if (
    error.code !== "ERR_REFRESH_REJECTED" &&
    error.code !== "ERR_ID_TOKEN_INVALID"
  ) {
    const current = accessTokenOf(before, server);
    // Refreshed early, so that the old token bridges an outage.
    if (current !== undefined && isValid(current, now())) return current.value;
    throw error;
  }
  // Another process may have used the refresh token first; its tokens count.
  const latest = await readTokens(loginStore, login);
  const newer = accessTokenOf(latest, server);
  if (latest.revision !== before.revision && newer !== undefined) {
    return newer.value;
  }
  await currentLogin.endById(login.id, identity, "refresh_rejected");
  throw error;
}

async function readTokens(
  loginStore: LoginStore,
  login: LiveLogin,
): Promise<StoredTokenSet> {
  const stored = await loginStore.readTokens(login.id);
  if (stored === undefined) throw new LoginKitError("ERR_LOGIN_REQUIRED");
  return stored;
}

function accessTokenOf(
  { tokens }: StoredTokenSet,
  server: ResourceServer | undefined,
): AccessToken | undefined {
  return tokens.accessTokens[tokenName(server)];
}

/**
 * The name that a server's token is kept under: two servers share one only if
 * they ask for the same. A resource indicator has no space, so names are unique.
 */
function tokenName(server: ResourceServer | undefined): string {
  return `${server?.resource ?? ""} ${server?.scope ?? ""}`.trimEnd();
}

/** Whether a token need not be refreshed yet. */
function isFresh(token: AccessToken, config: Config, now: number): boolean {
  if (token.expiresAt === undefined) return true;
  // A token that lives shorter than the leeway would never be fresh, and
  // every request would refresh it: half of its life has to be enough.
  const lifetime = token.expiresAt - token.receivedAt;
  const leeway = Math.min(config.refreshLeewaySeconds * 1000, lifetime / 2);
  return isValid(token, now + leeway);
}

/** A token without a lifetime counts as valid: only its resource server knows. */
function isValid({ expiresAt }: AccessToken, now: number): boolean {
  return expiresAt === undefined || expiresAt > now;
}

/** Runs work of the same key one after the other. */
function createTurns(): <Result>(
  key: string,
  work: () => Promise<Result>,
) => Promise<Result> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const mine = (last.get(key) ?? Promise.resolve()).then(work, work);
    last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (last.get(key) === mine) last.delete(key);
    }
  };
}
