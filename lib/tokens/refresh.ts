/** Hands out an access token that is still valid. */
import { setTimeout as sleep } from "node:timers/promises";
import { BoundedMap } from "../base/bounded-map.js";
import type { Config, ResourceServer } from "../config/config.js";
import type { Ground } from "../config/ground.js";
import type { Counters } from "../telling/counters.js";
import { withinDeadline } from "../base/deadline.js";
import { LoginKitError } from "../base/errors.js";
import type {
  AccessToken,
  LoginStore,
  StoredTokenSet,
  TokenSet,
} from "../stores/login-store.js";
import type { RenewOnce } from "./renew-once.js";
import { renewalDue } from "./token-life.js";
import type { LogoutRevocation } from "./logout-revocation.js";
import type {
  RefreshedTokens,
  TokenRequests,
} from "../provider/token-requests.js";
import { resourceServerNamed } from "../resource/resource-servers.js";
import type { Secret } from "../base/secret.js";
import type { LiveLogin } from "../logins/current-login.js";
import { subjectOf, type LoginEnding } from "../logins/login-ending.js";

/** How long a request waits for an early refresh while its token still serves, in milliseconds. */
const EARLY_WAIT = 1000;

/** How long a rejected refresh waits for another process that was first, in milliseconds. */
const WINNER_WAIT = 500;

/** How often it looks for what the winner stored, in milliseconds. */
const WINNER_LOOK = 50;

/** What the refresh works with beside the ground. */
export interface RefreshParts {
  readonly renewOnce: RenewOnce;
  readonly tokenRequests: TokenRequests;
  readonly loginEnding: LoginEnding;
  readonly logoutRevocation: LogoutRevocation;
  readonly counters: Counters;
}

/** For so many logins at the most it is remembered that a token was refused. */
const MAX_REJECTIONS = 10_000;

/** A new token that is refused again is not followed by another for so long, in milliseconds. */
const REJECTION_PAUSE = 30_000;

/**
 * A valid access token of a login, refreshed when it is about to expire.
 *
 * @param resourceServer name of a configured server; absent: the token issued without a resource indicator
 * @param rejected a token that the resource server refused: another one is given, or none
 * @throws {LoginKitError} `ERR_LOGIN_REQUIRED`, `ERR_NO_ACCESS_TOKEN`, `ERR_REFRESH_REJECTED`, `ERR_PROVIDER_UNAVAILABLE`, `ERR_STORE_UNAVAILABLE`, `ERR_RESOURCE_NOT_ALLOWED`
 */
export type AccessTokenFor = (
  login: LiveLogin,
  resourceServer?: string,
  rejected?: string,
) => Promise<Secret>;

/** Creates the one place that refreshes tokens. */
export function createRefresh(parts: Ground & RefreshParts): AccessTokenFor {
  const { config, loginStore, renewOnce, now } = parts;
  const rejections = createRejections(now);

  const freshTokenOf = (
    stored: StoredTokenSet,
    server: ResourceServer | undefined,
    rejected: string | undefined,
  ): Secret | undefined => {
    const token = accessTokenOf(stored, server);
    return token !== undefined &&
      isFresh(token, config, now()) &&
      token.value.reveal() !== rejected
      ? token.value
      : undefined;
  };
  const renewal = (
    login: LiveLogin,
    server: ResourceServer | undefined,
    rejected: string | undefined,
    current: AccessToken | undefined,
    subject: Secret | undefined,
  ): Promise<Secret> =>
    renewOnce({
      id: login.id,
      // Who holds a refused token must not share in a look that finds it fresh.
      shared: `${login.id} ${tokenName(server)}${rejected === undefined ? "" : "\trejected"}`,
      read: async () =>
        freshTokenOf(await readTokens(loginStore, login), server, rejected),
      renew: async () => {
        const renewed = await renewToken(login, server, subject, parts);
        if (rejected !== undefined) {
          rejections.note(`${login.id} ${tokenName(server)}`);
        }
        return renewed;
      },
      patient: current === undefined,
    });

  return async function accessTokenFor(
    login: LiveLogin,
    name?: string,
    rejected?: string,
  ): Promise<Secret> {
    const server =
      name === undefined ? undefined : resourceServerNamed(config, name);
    // The guard of this request has just seen the login.
    const recent = loginStore.recentTokens(login.id);
    const recentToken = recent && freshTokenOf(recent, server, rejected);
    if (recentToken !== undefined) return recentToken;
    const stored = await readTokens(loginStore, login);
    const fresh = freshTokenOf(stored, server, rejected);
    if (fresh !== undefined) return fresh;
    const token = accessTokenOf(stored, server);
    const current =
      token !== undefined &&
      isValid(token, now()) &&
      token.value.reveal() !== rejected
        ? token
        : undefined;
    const exchanges = server?.tokenExchange === true;
    if (stored.tokens.refreshToken === undefined && !exchanges) {
      if (current !== undefined) return current.value;
      throw new LoginKitError(
        rejected === undefined
          ? "ERR_NO_ACCESS_TOKEN"
          : "ERR_ACCESS_TOKEN_REJECTED",
      );
    }
    if (rejected !== undefined) {
      rejections.check(`${login.id} ${tokenName(server)}`);
    }
    const subject = exchanges ? await accessTokenFor(login) : undefined;
    try {
      return await withinDeadline(
        renewal(login, server, rejected, current, subject),
        current ? EARLY_WAIT : config.providerTimeoutSeconds * 1000,
        () =>
          new LoginKitError("ERR_PROVIDER_UNAVAILABLE", {
            message: "the refresh takes longer than a request can wait",
          }),
      );
    } catch (error) {
      // Refreshed early, so that the old token bridges an outage, also one of
      // a store that can be read but not written. It may have run out meanwhile.
      if (current !== undefined && isValid(current, now()) && isOutage(error)) {
        return current.value;
      }
      throw error;
    }
  };
}

/** A resource server that refuses every token must not make us ask for ever new ones. */
function createRejections(now: () => number): {
  /** @throws {LoginKitError} `ERR_ACCESS_TOKEN_REJECTED` when one was followed by a new token just now */
  check: (name: string) => void;
  note: (name: string) => void;
} {
  const notedAt = new BoundedMap<number>(MAX_REJECTIONS);
  return {
    check(name) {
      const before = notedAt.get(name);
      if (before !== undefined && now() - before < REJECTION_PAUSE) {
        throw new LoginKitError("ERR_ACCESS_TOKEN_REJECTED");
      }
    },
    note(name) {
      notedAt.set(name, now());
    },
  };
}

/** Asks the provider. The caller holds the login's lock. */
async function renewToken(
  login: LiveLogin,
  server: ResourceServer | undefined,
  subject: Secret | undefined,
  parts: Ground & RefreshParts,
): Promise<Secret> {
  const { tokenRequests, counters, loginStore, events, stop } = parts;
  // Read under the lock: what a request read before may be spent by now.
  const stored = await readTokens(loginStore, login);
  const { tokens } = stored;
  const target = { resource: server?.resource, scope: server?.scope };
  let renewed: RefreshedTokens;
  try {
    counters.tokenRequests += 1;
    renewed =
      subject === undefined
        ? await tokenRequests.refresh(tokens, target)
        : await tokenRequests.exchange(subject, target);
  } catch (error) {
    return afterFailure(error, login, server, stored, parts);
  }
  const next: TokenSet = {
    // The first ID Token stays: it is what later ones are compared with.
    idToken: tokens.idToken,
    ...newestIdToken(tokens, renewed),
    refreshToken: renewed.refreshToken ?? tokens.refreshToken,
    accessTokens: {
      ...tokens.accessTokens,
      ...(renewed.accessToken && { [tokenName(server)]: renewed.accessToken }),
    },
  };
  const outcome = await loginStore.replaceTokens(
    login.id,
    stored.revision,
    next,
    stop,
  );
  if (outcome === "ended") {
    // Signed out meanwhile, in whatever process. What came now must not outlive
    // the login, nor be revoked before the provider knows of the logout.
    const subject = subjectOf(login.id, login.record.identity);
    parts.logoutRevocation.hold(subject, next);
    throw new LoginKitError("ERR_LOGIN_REQUIRED");
  }
  if (outcome === "conflict") {
    // Our lock had ended, and another process was faster: its tokens count.
    counters.tokenConflicts += 1;
    const newer = accessTokenOf(await readTokens(loginStore, login), server);
    if (newer !== undefined) return newer.value;
    if (renewed.accessToken === undefined) throw renewed.fault;
    return renewed.accessToken.value;
  }
  if (renewed.accessToken === undefined) {
    // The new refresh token is stored: it is used next, or revoked with the login.
    const latest = await readTokens(loginStore, login);
    return afterFailure(renewed.fault, login, server, latest, parts);
  }
  if (renewed.fault !== undefined) events.emit("error", renewed.fault);
  events.emit("token.refreshed", subjectOf(login.id, login.record.identity));
  return renewed.accessToken.value;
}

/** A refresh without an ID Token, or with one that is no good, leaves the one before. */
function newestIdToken(
  before: TokenSet,
  renewed: RefreshedTokens,
): Pick<TokenSet, "newestIdToken"> {
  const newest =
    (renewed.accessToken && renewed.idToken) ?? before.newestIdToken;
  return newest === undefined ? {} : { newestIdToken: newest };
}

async function afterFailure(
  error: unknown,
  login: LiveLogin,
  server: ResourceServer | undefined,
  before: StoredTokenSet,
  parts: Ground & RefreshParts,
): Promise<Secret> {
  const { loginStore, loginEnding, events } = parts;
  if (!(error instanceof LoginKitError)) throw error;
  const { identity } = login.record;
  events.emit("token.refresh_failed", {
    ...subjectOf(login.id, identity),
    code: error.code,
  });
  if (!endsLogin(error)) throw error;
  // Another process may have used the refresh token before us. What it got
  // may be on its way to the store, and then it counts.
  const newer = await newerTokens(login, server, before, loginStore);
  if (newer !== undefined) return newer.value;
  const ended = await loginEnding.endAt(
    login.id,
    "refresh_rejected",
    before.revision,
  );
  if (ended !== undefined) throw error;
  // Replaced in the last moment, or ended by somebody else.
  const latest = accessTokenOf(await readTokens(loginStore, login), server);
  if (latest === undefined) throw error;
  return latest.value;
}

async function newerTokens(
  login: LiveLogin,
  server: ResourceServer | undefined,
  before: StoredTokenSet,
  loginStore: LoginStore,
): Promise<AccessToken | undefined> {
  for (let waited = 0; waited <= WINNER_WAIT; waited += WINNER_LOOK) {
    const latest = await readTokens(loginStore, login);
    if (latest.revision !== before.revision)
      return accessTokenOf(latest, server);
    await sleep(WINNER_LOOK);
  }
  return undefined;
}

/** Whether the provider, not the network, said that it is over (RFC 6749 5.2, Core 12.2). */
function endsLogin({ code }: LoginKitError): boolean {
  return code === "ERR_REFRESH_REJECTED" || code === "ERR_ID_TOKEN_INVALID";
}

function isOutage(error: unknown): boolean {
  return (
    error instanceof LoginKitError &&
    (error.code === "ERR_PROVIDER_UNAVAILABLE" ||
      error.code === "ERR_TOKEN_RESPONSE_INVALID" ||
      error.code === "ERR_STORE_UNAVAILABLE")
  );
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
  const how = server?.tokenExchange === true ? "\texchanged" : "";
  return `${server?.resource ?? ""} ${server?.scope ?? ""}${how}`.trimEnd();
}

/** Whether a token need not be refreshed yet. */
function isFresh(token: AccessToken, config: Config, now: number): boolean {
  const due = renewalDue(token, config);
  return due === undefined || due > now;
}

/** A token without a lifetime counts as valid: only its resource server knows. */
function isValid({ expiresAt }: AccessToken, now: number): boolean {
  return expiresAt === undefined || expiresAt > now;
}
