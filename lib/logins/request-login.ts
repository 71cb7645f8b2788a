/** What a handler gets to know of a live login, and can do with it: `req.oidc`. */
import type { AccessToken } from "../base/access-token.js";
import type { Claims } from "../stores/login-store.js";
import type { AccessTokenOptions, LiveLogin, Login } from "./current-login.js";
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
  readonly userInfo: (login: LiveLogin) => Promise<Claims>;
  readonly signal: (login: LiveLogin, connection: Closeable) => AbortSignal;
}

/** Makes `req.oidc`, and knows its own again. */
export interface RequestLogins {
  /** Whatever is open on the connection ends with the login. */
  readonly loginFor: (login: LiveLogin, connection: Closeable) => Login;
  /** A login that this kit has found, as it found it; undefined for anything else. */
  readonly liveLoginOf: (login: unknown) => LiveLogin | undefined;
}

/** Creates it for a kit whose logins can do this. */
export function createRequestLogins(actions: LoginActions): RequestLogins {
  return {
    loginFor: (login, connection) =>
      new RequestLogin(login, connection, actions),
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
  readonly userInfo: Login["userInfo"];
  readonly #login: LiveLogin;
  readonly #connection: Closeable;
  readonly #actions: LoginActions;

  constructor(login: LiveLogin, connection: Closeable, actions: LoginActions) {
    this.id = login.id;
    this.provider = login.provider.name;
    this.claims = login.record.identity.claims;
    this.#login = login;
    this.#connection = connection;
    this.#actions = actions;
    this.accessToken = (resourceServer, options) =>
      actions.accessToken(login, resourceServer, options);
    this.fetch = (url, init) => actions.fetch(login, url, init);
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

  get unverifiedUser(): Readonly<Record<string, unknown>> | undefined {
    return this.#login.record.identity.unverifiedUser;
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
