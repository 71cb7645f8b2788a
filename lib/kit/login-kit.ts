/** What an application has of its login kit. */
import type { EventEmitter } from "node:events";
import type { ErrorRequestHandler, RequestHandler } from "express";
import type { StartLogin } from "../flow/1-login.js";
import type { RequireAuth } from "../flow/3-require-auth.js";
import type { ForwardOptions } from "../base/calls.js";
import type { SilentLogin } from "../pages/silent-login.js";
import type { Sessions } from "../logins/sessions.js";
import type { AuthenticateUpgrade } from "../sockets/authenticate-upgrade.js";
import type {
  ForwardUpgrade,
  ForwardUpgradeOptions,
} from "../sockets/forward-upgrade.js";
import type { Counters } from "../telling/counters.js";
import type { LoginKitEvents } from "../telling/events.js";
import type { ClientToken } from "../tokens/client-token.js";
import type { CloseOptions } from "./close.js";
import type { Health } from "./health.js";

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
  /**
   * Starts a login from a handler of your own, with what no address says: the page
   * to come back to, a state of your own, a hint, more scope. Answers the request.
   *
   * @see docs/how-it-works.md#logins-that-your-own-code-starts
   */
  readonly startLogin: StartLogin;
  /** `GET` and `POST`: a provider or portal starts a login (`initiate_login_uri`, Core 4). */
  readonly initiateLogin: RequestHandler;
  /** `GET`, and with a posted answer (`responseMode`) also `POST`: the redirect URI. */
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
  /** `GET`: offers a form again that was posted without a login; `POST`: sends or drops it. */
  readonly keptForm: RequestHandler;
  /** `GET`: where a sign-in in a window of its own ends; it closes the window. */
  readonly loginDone: RequestHandler;
  /** `GET`: whether there is a login, for single-page apps. `POST`: the user wants to stay signed in. */
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
   * Creates a handler for pages that everybody may see: as `identify`, and a user
   * who is signed in at the provider already is signed in here, without being
   * asked. A page load goes to the provider and back for it (`prompt=none`), once
   * in `everySeconds`.
   *
   * @throws {ConfigError} for wrong options
   * @see docs/guides/pages-and-logins.md#pages-that-know-who-is-signed-in-elsewhere
   */
  readonly silentLogin: SilentLogin;
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
   * For probes: whether this process can serve signed-in users, with the state of
   * the store and of each provider. Fulfilled within a second; never rejects.
   *
   * The store is asked at most once a second. A provider is asked only where
   * nothing was heard of it for 15 seconds, whoever calls, and however often.
   *
   * @see docs/operations.md#health
   */
  readonly health: () => Promise<Health>;
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
