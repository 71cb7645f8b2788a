/** Gets a new access token for a login from its provider, and stores it. */
import type { ResourceServer } from "../config/config.js";
import type { Ground } from "../config/ground.js";
import { ownerOf } from "../logins/login-owner.js";
import { LoginKitError } from "../base/errors.js";
import type { LiveLogin } from "../logins/current-login.js";
import { subjectOf, type LoginEnding } from "../logins/login-ending.js";
import type { Providers } from "../provider/providers.js";
import type { RefreshedTokens } from "../provider/refresh-request.js";
import type {
  IssuedToken,
  StoredTokenSet,
  TokenSet,
} from "../stores/login-store.js";
import type { Counters } from "../telling/counters.js";
import { readTokens, tokenName, tokenOf } from "./login-tokens.js";
import type { LogoutRevocation } from "./logout-revocation.js";
import { afterFailure } from "./renewal-failure.js";

/** What a renewal works with. */
export interface RenewalParts extends Ground {
  readonly providers: Providers;
  readonly loginEnding: LoginEnding;
  readonly logoutRevocation: LogoutRevocation;
  readonly counters: Counters;
}

/**
 * Renews a token. The caller holds the login's lock.
 *
 * @param subject is exchanged for the new token; absent: the refresh token is used
 * @param stored read under the lock: what a request read before may be spent by now
 */
export type RenewToken = (
  login: LiveLogin,
  server: ResourceServer | undefined,
  subject: IssuedToken | undefined,
  stored: StoredTokenSet,
) => Promise<IssuedToken>;

/** Creates the function. */
export function createRenewToken(parts: RenewalParts): RenewToken {
  const { loginStore, events } = parts;
  return async function renewToken(login, server, subject, stored) {
    let renewed: RefreshedTokens;
    try {
      renewed = await requestToken(login, server, subject, stored, parts);
    } catch (error) {
      return afterFailure(error, login, server, stored, parts);
    }
    const { accessToken, fault } = renewed;
    const next = withRenewed(stored.tokens, renewed, server);
    const newer = await store(next, login, server, stored, parts);
    if (newer !== "stored") {
      if (newer !== undefined) return newer;
      if (accessToken === undefined) throw fault;
      return accessToken;
    }
    if (accessToken === undefined) {
      // The new refresh token is stored: it is used next, or revoked with the login.
      const latest = await readTokens(loginStore, login);
      return afterFailure(fault, login, server, latest, parts);
    }
    if (fault !== undefined) events.emit("error", fault);
    events.emit("token.refreshed", subjectOf(login.id, login.record.identity));
    return accessToken;
  };
}

async function requestToken(
  { record }: LiveLogin,
  server: ResourceServer | undefined,
  subject: IssuedToken | undefined,
  { tokens }: StoredTokenSet,
  { providers, counters }: RenewalParts,
): Promise<RefreshedTokens> {
  const provider = await providers.of(ownerOf(record.identity));
  const target = { resource: server?.resource, scope: server?.scope };
  counters.tokenRequests += 1;
  if (subject === undefined) return provider.refresh(tokens, target);
  const accessToken = await provider.exchangeToken(subject, target);
  return { accessToken, refreshToken: undefined };
}

/** The tokens of a login after a renewal. */
function withRenewed(
  before: TokenSet,
  {
    accessToken,
    refreshToken,
    proofKey = before.proofKey,
    ...renewed
  }: RefreshedTokens,
  server: ResourceServer | undefined,
): TokenSet {
  // A refresh without an ID Token, or with one that is no good, leaves the one before.
  const newestIdToken =
    ("idToken" in renewed ? renewed.idToken : undefined) ??
    before.newestIdToken;
  return {
    // The first ID Token stays: it is what later ones are compared with.
    idToken: before.idToken,
    ...(newestIdToken !== undefined && { newestIdToken }),
    refreshToken: refreshToken ?? before.refreshToken,
    ...(proofKey && { proofKey }),
    accessTokens: {
      ...before.accessTokens,
      ...(accessToken && { [tokenName(server)]: accessToken }),
    },
  };
}

/**
 * Stores the tokens. Where another process was faster it gives that one's
 * token, if there is one.
 *
 * @throws {LoginKitError} `ERR_LOGIN_REQUIRED` when the login is over
 */
async function store(
  next: TokenSet,
  login: LiveLogin,
  server: ResourceServer | undefined,
  { revision }: StoredTokenSet,
  { loginStore, logoutRevocation, counters, stop }: RenewalParts,
): Promise<"stored" | IssuedToken | undefined> {
  const { id, record, browserPart } = login;
  const options = { browserPart, stop };
  const outcome = await loginStore.replaceTokens(id, revision, next, options);
  if (outcome === "stored") return outcome;
  if (outcome === "ended") {
    // Signed out meanwhile, in whatever process. What came now must not outlive
    // the login, nor be revoked before the provider knows of the logout.
    logoutRevocation.hold(subjectOf(id, record.identity), next);
    throw new LoginKitError("ERR_LOGIN_REQUIRED");
  }
  // Our lock had ended, and another process was faster: its tokens count.
  counters.tokenConflicts += 1;
  return tokenOf(await readTokens(loginStore, login), server);
}
