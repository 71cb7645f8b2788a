/** Makes a login of what the provider answered: it is live by the last step, or nothing of it stays. */
import { randomUUID } from "node:crypto";
import type { Request } from "express";
import type { Config, ProviderConfig } from "../config/config.js";
import type { Ground } from "../config/ground.js";
import { withinDeadline } from "../base/deadline.js";
import { LoginKitError } from "../base/errors.js";
import { Secret } from "../base/secret.js";
import { noticeOnce } from "../telling/notice.js";
import type { LoginSubject } from "../telling/events.js";
import { keepTrying } from "../stores/keep-trying.js";
import { groupsOf } from "../stores/login-groups.js";
import type {
  Device,
  Identity,
  LoginRecord,
  TokenOrigin,
  TokenSet,
} from "../stores/login-store.js";
import type { LiveLogin } from "../logins/current-login.js";
import type { RevokeTokens } from "../logins/login-ending.js";
import { loginEnd } from "../logins/login-lifetime.js";
import {
  destroyed,
  nextSession,
  saved,
  type IdentifiedSession,
} from "../express/next-session.js";
import { markOf } from "../express/bare-session.js";
import { askApplication } from "./ask-application.js";
import { isSameUser, notWeaker } from "../logins/same-user.js";
import { persistCookie } from "../express/persistent-cookie.js";
import { keptFor } from "../express/session-data.js";
import { isKitStore, loginIdOf, mayBeStored } from "../logins/session-id.js";
import type { Logins } from "../logins/logins.js";

/** Takes tokens back that no login will have: they are revoked. */
export type GiveBack = (subject: string, tokens: TokenSet) => void;

/** What the provider answered. */
export interface NewLogin {
  /** The provider's, or that of one of its tenants. */
  readonly issuer: string;
  /** `sub` of the provider's user. */
  readonly subject: string;
  readonly tokens: TokenSet;
  readonly origin: TokenOrigin;
  /** When the provider wants it to end at the latest; undefined: it does not say. */
  readonly endsAt: number | undefined;
  /** Whether an `acr` or `max_age` was asked for, so that whatever came of it counts. */
  readonly isStrengthAsked: boolean;
  /** What was granted, and what the application wants to find again. */
  readonly kept?: Pick<
    LoginRecord,
    "scope" | "refusedScope" | "authorizationDetails" | "state"
  >;
  /** Who it is. May ask the provider. */
  readonly identify: () => Promise<Identity>;
}

/**
 * Signs the user in whom `ask` names, a user of this provider, in a new session; what this browser was signed in with
 * before ends afterwards. Whatever fails, nobody is signed in, the browser keeps
 * what it had, and the new tokens are revoked.
 *
 * @throws {LoginKitError} `ERR_LOGIN_REFUSED`, `ERR_LOGIN_HOOK_FAILED`, `ERR_LOGGED_OUT_MEANWHILE`, `ERR_STORE_UNAVAILABLE`, and what `ask` throws
 */
export type SignIn = (
  req: Request,
  provider: ProviderConfig,
  ask: (giveBack: GiveBack) => Promise<NewLogin>,
) => Promise<LiveLogin>;

/** A login that is live, with what there was before. */
interface MadeLogin {
  readonly record: LoginRecord;
  /** What the browser was signed in with. */
  readonly replaced: readonly LiveLogin[];
  /** How many logins the user has. */
  readonly count: number;
}

/** What logins are made with. */
type Making = Ground &
  Pick<Logins, "currentLogin" | "loginEnding" | "userLogins">;

/** Creates the function that ends `callback`. */
export function createSignIn(
  ground: Ground,
  logins: Logins,
  revokeLater: RevokeTokens["later"],
): SignIn {
  const { config, events, now } = ground;
  const making: Making = { ...ground, ...logins };
  const storeTimeoutMs = config.storeTimeoutSeconds * 1000;

  return async function signIn(req, provider, ask) {
    const next = nextSession(req);
    const { sessionID, session } = req;
    const id = loginIdOf(next.sessionID);
    const named = (issuer: string, subject: string): LoginSubject => ({
      loginId: id,
      provider: provider.name,
      issuer,
      subject,
    });
    const login = await ask((subject, tokens) => {
      revokeLater(named(provider.issuer, subject), tokens);
    });
    const { tokens, identify, kept, endsAt = Infinity } = login;
    const user = named(login.issuer, login.subject);
    const overdue = new AbortController();
    let begun: number;
    let proven: LoginRecord | undefined;
    let made: MadeLogin;
    try {
      const identity = await identify();
      const data = await askApplication(config, identity, kept?.state, req);
      const given = { identity, ...(data && { data }), ...kept };
      proven = recordOf(req, given, endsAt, now(), config);
      begun = performance.now();
      // All steps together take no longer than one of them may.
      made = await withinDeadline(
        makeLive(req, next, proven, login, overdue.signal, making),
        storeTimeoutMs,
        () => tookTooLong(config),
      );
    } catch (error) {
      overdue.abort();
      revokeLater(user, tokens);
      if (proven !== undefined) undo(req, next, ground);
      throw error;
    }
    // Only now may the answer set the cookie.
    Object.assign(req, next);
    events.emit("login.succeeded", { ...user, address: req.ip });
    await withinDeadline(
      endBefore(req, { sessionID, session }, made, making),
      Math.max(0, storeTimeoutMs - (performance.now() - begun)),
      () => tookTooLong(config),
    ).catch((error: unknown) => {
      events.emit(
        "error",
        error instanceof Error ? error : new Error(String(error)),
      );
    });
    const { record } = made;
    return {
      id,
      record,
      provider,
      expiresAt: loginEnd(record, config),
      browserPart: () => new Secret(next.sessionID),
    };
  };
}

function recordOf(
  req: Request,
  given: Pick<LoginRecord, "identity" | "data">,
  endsAt: number,
  time: number,
  { session }: Config,
): LoginRecord {
  if (endsAt <= time) {
    // A login that is over when it begins would send the browser round and round.
    throw new LoginKitError("ERR_ID_TOKEN_INVALID", {
      message: `the ID Token was refused: its ${String(session.endClaim)} is in the past`,
    });
  }
  return {
    ...given,
    createdAt: time,
    seenAt: undefined,
    endsAt: Math.min(time + session.absoluteTimeoutSeconds * 1000, endsAt),
    device: session.recordDevice ? deviceOf(req) : undefined,
  };
}

/**
 * The steps in the store: first the login that nobody can use, last the one
 * that makes it live.
 *
 * @param overdue aborted: the time for all steps is over
 */
async function makeLive(
  req: Request,
  { sessionID, session }: IdentifiedSession,
  proven: LoginRecord,
  { tokens, origin, isStrengthAsked }: NewLogin,
  overdue: AbortSignal,
  { config, currentLogin, loginStore, now }: Making,
): Promise<MadeLogin> {
  const id = loginIdOf(sessionID);
  const replaced = await currentLogin.allOf(req);
  overdue.throwIfAborted();
  const identity = isStrengthAsked
    ? proven.identity
    : notWeaker(proven.identity, replaced);
  const record = { ...proven, identity };
  const count = await loginStore.createLogin(
    id,
    record,
    tokens,
    origin,
    () => new Secret(sessionID),
  );
  if (count === undefined) throw new LoginKitError("ERR_LOGGED_OUT_MEANWHILE");
  overdue.throwIfAborted();
  Object.assign(session, keptFor(identity, replaced, req, config));
  session.loginKit = markOf(id, record);
  // How long the cookie of an application's own session is kept is its business.
  if (isKitStore(req.sessionStore)) {
    persistCookie(session, record.createdAt, now(), config);
  } else if (config.session.tokensNeedCookie) noticeOwnStore(config);
  await saved(session);
  const activate = (): Promise<boolean> => {
    overdue.throwIfAborted();
    return loginStore.activateLogin(id, record);
  };
  // It may be asked again: a reply that was lost does not cost the login.
  const isLive = await keepTrying(activate, {
    milliseconds: config.storeTimeoutSeconds * 1000,
    stop: overdue,
    isHopeless: () => overdue.aborted,
  });
  if (!isLive) throw new LoginKitError("ERR_LOGGED_OUT_MEANWHILE");
  return { record, replaced, count };
}

/**
 * Ends what a step that got no answer may have made. No browser has its
 * cookie, so it does not matter when.
 */
function undo(
  { sessionStore }: Request,
  { sessionID }: IdentifiedSession,
  { finishing, loginStore }: Ground,
): void {
  const id = loginIdOf(sessionID);
  const ender = randomUUID();
  finishing
    .finish(async (persist) => {
      await persist(() => loginStore.endLogin(id, ender));
      await persist(() => destroyed(sessionStore, sessionID));
    })
    .catch(() => undefined);
}

/** The new login is live, so nothing here fails it: what does not work goes on being tried. */
async function endBefore(
  { sessionStore }: Request,
  before: IdentifiedSession,
  { record: { identity }, replaced, count }: MadeLogin,
  { config, finishing, loginEnding, userLogins }: Making,
): Promise<void> {
  const isOneTooMany = count > config.session.maxLoginsPerUser;
  await Promise.all([
    ...replaced.map(({ id, record, browserPart }) =>
      loginEnding.end(id, "replaced", {
        browserPart,
        // Another user's tokens are of another grant.
        isRevoked: !isSameUser(record.identity, identity),
      }),
    ),
    isOneTooMany ? userLogins.makeRoom(groupsOf(identity)[0]) : undefined,
  ]);
  if (!mayBeStored(sessionStore, before.session)) return;
  await finishing.finish((persist) =>
    persist(() => destroyed(sessionStore, before.sessionID)),
  );
}

/** Longest user agent that is kept, in characters. */
const MAX_USER_AGENT = 256;

function deviceOf(req: Request): Device {
  return {
    userAgent: req.get("User-Agent")?.slice(0, MAX_USER_AGENT),
    address: req.ip,
  };
}

/** What knows the session ids opens the tokens, and stores of express-session do: their keys are session ids. */
function noticeOwnStore(config: Config): void {
  noticeOnce(
    config,
    "session.tokensNeedCookie protects tokens only where the session id is in no store, and the store of the application's own express-session has it in its keys. Use kit.session in its place, or keep these sessions where nobody reads them who reads the kit's Redis.",
  );
}

function tookTooLong({ storeTimeoutSeconds }: Config): LoginKitError {
  return new LoginKitError("ERR_STORE_UNAVAILABLE", {
    message: `the sign-in was not stored within ${String(storeTimeoutSeconds)} s`,
  });
}
