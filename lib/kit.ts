/** createLoginKit: wiring, no decisions. */
import type { EventEmitter } from "node:events";
import type { ErrorRequestHandler, RequestHandler } from "express";
import { checkFetchArguments, checkTokenArguments } from "./base/calls.js";
import { createClose, type CloseOptions } from "./base/close.js";
import { readConfig, type Config } from "./config.js";
import { createCounters, type Counters } from "./counters.js";
import { createEvents, type LoginKitEvents } from "./events.js";
import { createLogin, createThirdPartyLogin } from "./flow/1-login.js";
import { createCallback } from "./flow/2-callback.js";
import {
  createIdentify,
  createRequireAuth,
  type RequireAuth,
} from "./flow/3-require-auth.js";
import { createForward, type ForwardOptions } from "./flow/4-forward.js";
import { createRefresh } from "./flow/5-refresh.js";
import { createLogout } from "./flow/6-logout.js";
import { createBackchannelLogout } from "./flow/7-backchannel-logout.js";
import {
  createAuthenticateUpgrade,
  type AuthenticateUpgrade,
} from "./flow/authenticate-upgrade.js";
import { createCheckSession } from "./flow/check-session.js";
import { createClientToken, type ClientToken } from "./flow/client-token.js";
import {
  createForwardUpgrade,
  type ForwardUpgrade,
  type ForwardUpgradeOptions,
} from "./flow/forward-upgrade.js";
import { createFrontchannelLogout } from "./flow/frontchannel-logout.js";
import { createSessionEvents } from "./flow/session-events.js";
import { createSessionStatus } from "./flow/session-status.js";
import { createSessions, type Sessions } from "./flow/sessions.js";
import type { LoginStore } from "./login-store/login-store.js";
import { createMemoryLoginStore } from "./login-store/memory-login-store.js";
import { clientProblems } from "./login-store/redis-command.js";
import { createRedisLoginStore } from "./login-store/redis-login-store.js";
import { createRenewals } from "./login-store/renew-once.js";
import { createSealedBox } from "./login-store/sealed-box.js";
import type { LoginKitOptions } from "./options.js";
import { createAuthorizationRequests } from "./provider/authorization-request.js";
import { createEndSession } from "./provider/end-session.js";
import { createIssuer } from "./provider/issuer.js";
import { createLogoutRevocation } from "./provider/logout-revocation.js";
import { createLogoutTokens } from "./provider/logout-token.js";
import { createRevocation } from "./provider/revocation.js";
import { createTokenRequests } from "./provider/token-requests.js";
import { createUserInfo } from "./provider/user-info.js";
import { loginFetch } from "./resource/login-fetch.js";
import { createRunning } from "./resource/running.js";
import { createSend } from "./resource/send.js";
import {
  answerError,
  answering,
  createErrorHandler,
  type Handler,
} from "./session/answer.js";
import { sharesCookie } from "./session/cookie-owners.js";
import { createCookieSession } from "./session/cookie-session.js";
import {
  createCurrentLogin,
  type LiveLogin,
  type Login,
} from "./session/current-login.js";
import { createLiveLogins, type Closeable } from "./session/live-logins.js";
import { createLoginAttempts } from "./sign-in/login-attempts.js";
import { createFinishing } from "./session/finishing.js";
import { createLoginEnding } from "./session/login-ending.js";
import {
  createMemorySessionBackend,
  createRedisSessionBackend,
  type SessionBackend,
} from "./session/session-backend.js";
import { createRefuseUpgrade } from "./session/refuse-upgrade.js";
import { RequestLogin, type LoginActions } from "./session/request-login.js";
import { createRoutes, type Endpoints } from "./session/routes.js";
import { GuardedSessionStore } from "./session/session-store.js";
import { createSignIn } from "./session/sign-in.js";
import { createSignOut } from "./session/sign-out.js";
import { createExpectAnswer } from "./session/unanswered.js";
import { createTransactions } from "./sign-in/transactions.js";
import { createUserLogins } from "./session/user-logins.js";

/** The login kit of one application. */
export interface LoginKit {
  /**
   * `req.session` by express-session, with the kit's cookie and store. Mount it
   * where handlers use `req.session`; login and guards work without.
   */
  readonly session: RequestHandler;
  /**
   * All endpoints on their paths (option `paths`); other requests go on. Mount it
   * at the root: `app.use(kit.routes)`.
   *
   * The handlers below can be mounted one by one instead, on the paths of the
   * option `paths`.
   */
  readonly routes: RequestHandler;
  /** `GET`: starts a login. */
  readonly login: RequestHandler;
  /** `GET` and `POST`: a provider or portal starts a login (`initiate_login_uri`, Core 4). */
  readonly initiateLogin: RequestHandler;
  /** `GET`, and with `responseMode: "form_post"` also `POST`: the redirect URI. */
  readonly callback: RequestHandler;
  /** `POST`: ends the login here, then at the provider. `GET` asks first. */
  readonly logout: RequestHandler;
  /** `GET`: where the provider sends the browser after logout. */
  readonly loggedOut: RequestHandler;
  /** `POST`, by the provider: ends logins (`backchannel_logout_uri`). */
  readonly backchannelLogout: RequestHandler;
  /** `GET`, framed by the provider: ends logins (`frontchannel_logout_uri`). */
  readonly frontchannelLogout: RequestHandler;
  /** `GET`, in a frame of your pages: notices changes of the session at the provider. */
  readonly checkSession: RequestHandler;
  /** `GET`: whether there is a login, for single-page apps. */
  readonly sessionStatus: RequestHandler;
  /** `GET`: server-sent events that tell a page when its login ends. */
  readonly sessionEvents: RequestHandler;
  /**
   * Creates a guard, by default for any login: only requests with a live login
   * that fulfils the rule pass, and `req.oidc` is set.
   */
  readonly requireAuth: RequireAuth;
  /** Sets `req.oidc` where there is a login, and lets everyone through. No CSRF check. */
  readonly identify: RequestHandler;
  /**
   * Creates a handler that streams requests to a configured resource server with
   * the user's token. Mount it behind `requireAuth`. A name that is not
   * configured throws at once.
   *
   * @see docs/forwarding.md
   */
  readonly forward: (
    resourceServer: string,
    options?: ForwardOptions,
  ) => RequestHandler;
  /**
   * Answers the kit's errors that your own handlers throw, as the option
   * `answerError` says; mount it last. Other errors go on to your own error
   * handler.
   *
   * @see docs/errors.md#in-your-own-code
   */
  readonly errorHandler: ErrorRequestHandler;
  /**
   * Guards WebSocket upgrades, for the server's `upgrade` event: promise of the
   * login, or of `undefined` after it has refused and closed the socket.
   *
   * @see docs/ending-logins.md#websockets
   */
  readonly authenticateUpgrade: AuthenticateUpgrade;
  /**
   * Creates a listener for the server's `upgrade` event that connects WebSockets
   * below `path` with a configured resource server, with the user's token in the
   * handshake. It resolves with whether the request was for its path.
   *
   * @see docs/forwarding.md#websockets
   */
  readonly forwardUpgrade: (
    resourceServer: string,
    options: ForwardUpgradeOptions,
  ) => ForwardUpgrade;
  /** All logins of a user: list them, end them. */
  readonly sessions: Sessions;
  /** Tells what happens to logins, tokens and requests. */
  readonly events: EventEmitter<LoginKitEvents>;
  /**
   * An access token of the application itself for a configured resource server
   * (client credentials, with its `resource` and `scope`), for work that no user
   * asked for. Kept in the store, sealed, and renewed once for all processes. The
   * client must be allowed that grant at the provider.
   */
  readonly clientToken: ClientToken;
  /** How often tokens were asked for, waited for and replaced, since the start. */
  readonly counters: Readonly<Counters>;
  /**
   * Whether this process can serve signed-in users: the login store answers.
   * Never rejects. It says nothing about the provider.
   */
  readonly ready: () => Promise<boolean>;
  /**
   * For a shutdown, before the Redis client is closed: ends the kit's event
   * streams and guarded sockets, aborts `Login.signal`, closes the kit's own
   * connection to Redis, and waits until refreshes that are under way are
   * stored, and until logins that are being ended are over and their tokens
   * revoked. A request that needs another refresh gets 503 from now on.
   *
   * Fulfilled within `withinSeconds` (0 to 600, default 20) and a second; never
   * rejects. Called again, it gives the same promise.
   *
   * @throws {ConfigError} for a wrong option
   * @see docs/ending-logins.md#at-shutdown
   */
  readonly close: (options?: CloseOptions) => Promise<void>;
}

/**
 * Creates the login kit.
 *
 * Contacts nothing: provider and store are reached when first needed, so the
 * application starts whether or not they are up.
 *
 * @throws {ConfigError} that lists every wrong option
 */
export function createLoginKit(options: LoginKitOptions): LoginKit {
  const config = readConfig(options, {
    nodeEnv: process.env["NODE_ENV"],
  });
  noticeDevelopment(config);
  const now = (): number => Date.now();
  const events = createEvents();
  const answer = { config, events };
  const loginStore = createLoginStore(config, now);
  const givenUp = new AbortController();
  const issuer = createIssuer(config, now, givenUp.signal);
  const tokenRequests = createTokenRequests(config, issuer, now);
  const revocation = createRevocation(tokenRequests, events);
  const logoutRevocation = createLogoutRevocation(revocation);
  const backend = createSessionBackend(config, now);
  const finishing = createFinishing(givenUp.signal);
  const loginEnding = createLoginEnding({
    config,
    loginStore,
    backend,
    events,
    finishing,
    revokeLater: revocation.later,
    revokeAfterLogout: logoutRevocation.hold,
  });
  const userLogins = createUserLogins({ config, loginStore, loginEnding, now });
  const liveLogins = createLiveLogins({ config, loginStore, now });
  const sessionStore = new GuardedSessionStore({
    config,
    loginStore,
    loginEnding,
    backend,
    now,
  });

  const userInfo = createUserInfo(config, issuer);
  const transactions = createTransactions({ config, loginStore, now });
  const currentLogin = createCurrentLogin({
    config,
    loginStore,
    loginEnding,
    events,
    now,
  });
  const signIn = createSignIn({
    config,
    loginStore,
    currentLogin,
    loginEnding,
    userLogins,
    finishing,
    revokeLater: revocation.later,
    events,
    now,
  });
  const counters = createCounters();
  const { renewOnce, finish: finishRenewals } = createRenewals({
    loginStore,
    waitSeconds: config.providerTimeoutSeconds,
    random: Math.random,
    onWait: () => {
      counters.tokenWaits += 1;
    },
  });
  const accessTokenFor = createRefresh({
    config,
    counters,
    renewOnce,
    loginStore,
    tokenRequests,
    loginEnding,
    logoutRevocation,
    events,
    stop: givenUp.signal,
    now,
  });

  const cookieSession = createCookieSession(config, sessionStore);
  const session: RequestHandler = (req, res, next) => {
    void cookieSession(req, res, (error?: unknown) => {
      if (error === undefined) next();
      else answerError(answer, error, req, res, next);
    });
  };
  const withSession = (handler: Handler): RequestHandler => {
    const answered = answering(answer, handler);
    return (req, res, next) =>
      session(req, res, (error?: unknown) => {
        if (error === undefined) void answered(req, res, next);
        else next(error);
      });
  };

  const loginActions: LoginActions = {
    async accessToken(login, resourceServer, options) {
      checkTokenArguments(resourceServer, options);
      const { rejected } = options ?? {};
      return (await accessTokenFor(login, resourceServer, rejected)).reveal();
    },
    async fetch(login, url, init) {
      checkFetchArguments(url, init);
      return loginFetch(
        config,
        async (name, rejected) =>
          (await accessTokenFor(login, name, rejected)).reveal(),
        url,
        init,
      );
    },
    userInfo: async (login) =>
      userInfo.fetch(
        await accessTokenFor(login),
        login.record.identity.claims.sub,
      ),
    signal: liveLogins.signal,
  };
  const loginFor = (live: LiveLogin, connection: Closeable): Login =>
    new RequestLogin(live, connection, loginActions);
  const isOwnLogin = (login: unknown): login is Login =>
    RequestLogin.isOf(login, loginActions);
  const liveLoginOf = (login: unknown): LiveLogin | undefined =>
    RequestLogin.isOf(login, loginActions)
      ? RequestLogin.liveLoginOf(login)
      : undefined;
  const loginAttempts = createLoginAttempts(config, now);
  const expectAnswer = createExpectAnswer(noticeUnanswered);
  const guardDeps = {
    config,
    expectAnswer,
    currentLogin,
    loginAttempts,
    answer,
    now,
    toLogin: loginFor,
  };

  const loginDeps = {
    config,
    events,
    transactions,
    currentLogin,
    expectAnswer,
    now,
    prepareAuthorizationRequest: createAuthorizationRequests(config, issuer),
  };
  const login = answering(answer, createLogin(loginDeps));
  const initiateLogin = answering(answer, createThirdPartyLogin(loginDeps));
  const callback = withSession(
    createCallback({
      config,
      issuer,
      transactions,
      loginAttempts,
      loginStore,
      tokenRequests,
      userInfo,
      currentLogin,
      signIn,
      finishing,
      events,
    }),
  );
  const logoutHandlers = createLogout({
    config,
    currentLogin,
    loginAttempts,
    signOut: createSignOut({ config, loginStore, loginEnding, events, now }),
    events,
    prepareEndSession: createEndSession(config, issuer),
    logoutRevocation,
  });
  const logout = withSession(logoutHandlers.logout);
  const loggedOut = answering(answer, logoutHandlers.loggedOut);
  const backchannelLogout = answering(
    { ...answer, pages: false },
    createBackchannelLogout({
      readLogoutToken: createLogoutTokens(config, issuer, now),
      loginStore,
      userLogins,
      finishing,
      events,
      now,
    }),
  );
  const frontchannelLogout = answering(
    answer,
    createFrontchannelLogout({
      config,
      issuer,
      loginStore,
      userLogins,
      events,
    }),
  );
  const checkSession = answering(
    answer,
    createCheckSession({ config, issuer, currentLogin }),
  );
  const sessionEvents = answering(
    answer,
    createSessionEvents({ config, currentLogin, liveLogins }),
  );
  const sessionStatus = answering(
    answer,
    createSessionStatus({ config, currentLogin, loginAttempts, now }),
  );
  const running = createRunning();
  const forward = createForward({
    config,
    send: createSend(),
    running,
    isOwnLogin,
  });
  const refuseUpgrade = createRefuseUpgrade(answer);
  const authenticateUpgrade = createAuthenticateUpgrade({
    config,
    currentLogin,
    toLogin: loginFor,
    refuseUpgrade,
  });

  const endpoints: Endpoints = {
    login,
    callback,
    logout,
    loggedOut,
    session: sessionStatus,
    sessionEvents,
    backchannelLogout,
    frontchannelLogout,
    checkSession,
    initiateLogin,
  };

  return {
    session,
    routes: createRoutes(config, endpoints),
    login,
    callback,
    logout,
    loggedOut,
    backchannelLogout,
    frontchannelLogout,
    checkSession,
    initiateLogin,
    sessionStatus,
    sessionEvents,
    requireAuth: createRequireAuth(guardDeps),
    identify: answering(answer, createIdentify(guardDeps)),
    forward: (...given) => answering(answer, forward(...given)),
    errorHandler: createErrorHandler(answer),
    authenticateUpgrade,
    forwardUpgrade: createForwardUpgrade({
      config,
      running,
      authenticateUpgrade,
      refuseUpgrade,
    }),
    sessions: createSessions({
      config,
      loginStore,
      loginEnding,
      userLogins,
      liveLoginOf,
      now,
    }),
    events: events.emitter,
    clientToken: createClientToken({
      config,
      loginStore,
      renewOnce,
      tokenRequests,
      counters,
      now,
    }),
    counters,
    ready: () =>
      loginStore.ping().then(
        () => true,
        () => false,
      ),
    close: createClose({
      endings: [liveLogins.close, logoutRevocation.close],
      work: [finishRenewals, finishing.settled, revocation.settled],
      giveUp: () => {
        givenUp.abort();
      },
    }),
  };
}

function createLoginStore(config: Config, now: () => number): LoginStore {
  if (config.redis === undefined) return createMemoryLoginStore(now);
  return createRedisLoginStore({
    client: config.redis,
    sealedBox: createSealedBox(config.session.secrets),
    keyPrefix: config.keyPrefix,
    timeoutSeconds: config.storeTimeoutSeconds,
  });
}

function createSessionBackend(
  config: Config,
  now: () => number,
): SessionBackend {
  // As long as the longest login, so that a session never ends before its login.
  const lifetimeSeconds = config.session.absoluteTimeoutSeconds;
  if (config.redis === undefined) {
    return createMemorySessionBackend(lifetimeSeconds, now);
  }
  return createRedisSessionBackend({
    client: config.redis,
    keyPrefix: config.keyPrefix,
    lifetimeSeconds,
    timeoutSeconds: config.storeTimeoutSeconds,
  });
}

function noticeUnanswered(path: string): void {
  console.warn(
    `express-login-kit: ${path} was answered by 404, and the kit sends browsers there. Mount its endpoints with app.use(kit.routes), before routes of your own and not below a path; or change the option paths.`,
  );
}

/** Tells whoever starts the application what is not as it should be in production. */
function noticeDevelopment(config: Config): void {
  const notices = config.redis
    ? clientProblems(config.redis).map(
        (problem) => `about this Redis client: ${problem}.`,
      )
    : [
        "embedded login store, for development: one process, and every login ends with it. Hand over a Redis client for anything else.",
      ];
  if (!config.secureCookies) {
    notices.push(
      "cookies are sent without Secure, because baseUrl is plain http.",
    );
  }
  if (sharesCookie(config)) {
    notices.push(
      `another kit of this process signs in at ${config.baseUrl} with the same cookie, ${config.session.cookieName}: each sign-in there ends the one here. Give each kit its own session.cookieName.`,
    );
  }
  const wantsResource = [...config.resourceServers.values()].some(
    ({ resource }) => resource !== undefined,
  );
  if (wantsResource && !config.scope.split(" ").includes("offline_access")) {
    notices.push(
      "resourceServers with a resource need a refresh token, which many providers give for the scope offline_access only.",
    );
  }
  for (const text of notices) console.warn(`express-login-kit: ${text}`);
}
