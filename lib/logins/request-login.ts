/** What a handler gets to know of a live login, and can do with it: `req.oidc`. */
import type { AccessToken } from "../base/access-token.js";
import { copyOfJson } from "../base/plain-json.js";
import type { KeptLoginData } from "../config/login-data.js";
import type { Claims } from "../stores/login-store.js";
import type {
  AccessTokenOptions,
  AuthorizeOptions,
  LiveLogin,
  Login,
  RequestAuthorization,
} from "./current-login.js";
import type { Closeable } from "./live-logins.js";

/** What `req.oidc` can do; see `Login`. */
export interface LoginActions {
  readonly accessToken: (
    login: LiveLogin,
    resourceServer?: string,
    options?: AccessTokenOptions,
  ) => Promise<AccessToken>;
  readonly fetch: (
    login: LiveLogin,
    url: string | URL,
    init?: RequestInit,
  ) => Promise<Response>;
  readonly authorize: (
    login: LiveLogin,
    url: string | URL,
    method: string,
    options?: AuthorizeOptions,
  ) => Promise<RequestAuthorization>;
  readonly userInfo: (login: LiveLogin) => Promise<Claims>;
  readonly signal: (login: LiveLogin, connection: Closeable) => AbortSignal;
}

/** Makes `req.oidc`, and knows its own again. */
export interface RequestLogins {
  /**
   * Whatever is open on the connection ends with the login.
   *
   * @param foundAt when it was found. Default: now
   */
  readonly loginFor: (
    login: LiveLogin,
    connection: Closeable,
    foundAt?: number,
  ) => Login;
  /** A login that this kit has found, as it found it; undefined for anything else. */
  readonly liveLoginOf: (login: unknown) => LiveLogin | undefined;
  /**
   * The same if it was found for this response a moment ago: guards behind each
   * other, of an application, a router and a route, read a login once.
   */
  readonly justFound: (
    login: unknown,
    connection: Closeable,
  ) => JustFound | undefined;
}

/** A login that need not be read again, and since when: passed on, it becomes no younger. */
export interface JustFound {
  readonly live: LiveLogin;
  readonly foundAt: number;
}

/** How long it counts, in milliseconds: a body that takes long to come may outlive its login. */
const JUST_FOUND_MS = 1000;

/** Creates it for a kit whose logins can do this. */
export function createRequestLogins(
  actions: LoginActions,
  now: () => number,
): RequestLogins {
  return {
    loginFor: (login, connection, foundAt = now()) =>
      new RequestLogin(login, connection, actions, foundAt),
    justFound: (login, connection) =>
      login !== undefined && RequestLogin.isOf(login, actions)
        ? RequestLogin.foundSince(login, connection, now() - JUST_FOUND_MS)
        : undefined,
    liveLoginOf: (login) =>
      RequestLogin.isOf(login, actions)
        ? RequestLogin.liveLoginOf(login)
        : undefined,
  };
}

/**
 * `req.oidc` of a live login. Made for every guarded request: a class, because
 * getters of an object literal cost microseconds each time it is made.
 */
class RequestLogin implements Login {
  readonly id: string;
  readonly provider: string;
  readonly claims: Claims;
  // Not methods: an application may take them out of the object.
  readonly accessToken: Login["accessToken"];
  readonly fetch: Login["fetch"];
  readonly authorize: Login["authorize"];
  readonly userInfo: Login["userInfo"];
  readonly #login: LiveLogin;
  readonly #connection: Closeable;
  readonly #actions: LoginActions;
  readonly #foundAt: number;
  // Copied when they are asked for: most requests ask for none of them.
  #state: Login["state"];
  #unverifiedUser: Login["unverifiedUser"];
  #data: KeptLoginData | undefined;

  constructor(
    login: LiveLogin,
    connection: Closeable,
    actions: LoginActions,
    foundAt: number,
  ) {
    this.id = login.id;
    this.provider = login.provider.name;
    // A copy, as of all that is given out: whoever alters it alters it for no
    // other request, and not what guards that follow compare.
    this.claims = copyOfJson(login.record.identity.claims);
    this.#login = login;
    this.#connection = connection;
    this.#actions = actions;
    this.#foundAt = foundAt;
    this.accessToken = (resourceServer, options) =>
      actions.accessToken(login, resourceServer, options);
    this.fetch = (url, init) => actions.fetch(login, url, init);
    this.authorize = (url, method, options) =>
      actions.authorize(login, url, method, options);
    this.userInfo = () => actions.userInfo(login);
  }

  /** Whether this is a login of the kit with these actions; nothing else can pass as one. */
  static isOf(login: unknown, actions: LoginActions): login is RequestLogin {
    return (
      typeof login === "object" &&
      login !== null &&
      #actions in login &&
      login.#actions === actions
    );
  }

  /** What the kit found, whatever an application has written over it. */
  static liveLoginOf(login: RequestLogin): LiveLogin {
    return login.#login;
  }

  /** What the kit found for this connection after this time. */
  static foundSince(
    login: RequestLogin,
    connection: Closeable,
    time: number,
  ): JustFound | undefined {
    return login.#connection === connection && login.#foundAt > time
      ? { live: login.#login, foundAt: login.#foundAt }
      : undefined;
  }

  get state(): Readonly<Record<string, unknown>> | undefined {
    this.#state ??= copyOfJson(this.#login.record.state);
    return this.#state;
  }

  get authorizationDetails(): readonly object[] | undefined {
    return copyOfJson(this.#login.record.authorizationDetails);
  }

  get unverifiedUser(): Readonly<Record<string, unknown>> | undefined {
    const { unverifiedUser } = this.#login.record.identity;
    this.#unverifiedUser ??= copyOfJson(unverifiedUser);
    return this.#unverifiedUser;
  }

  get data(): KeptLoginData {
    this.#data ??= copyOfJson(this.#login.record.data ?? {});
    return this.#data;
  }

  get authenticatedAt(): Date | undefined {
    const { authenticatedAt } = this.#login.record.identity;
    return authenticatedAt === undefined
      ? undefined
      : new Date(authenticatedAt);
  }

  get startedAt(): Date {
    return new Date(this.#login.record.createdAt);
  }

  get expiresAt(): Date {
    return new Date(this.#login.expiresAt);
  }

  get signal(): AbortSignal {
    return this.#actions.signal(this.#login, this.#connection);
  }
}
