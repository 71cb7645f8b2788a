/** Options about what the application itself does when logins begin and end: what they are, may be, and are by default. */
import type { Request } from "express";
import type { Claims } from "../stores/records.js";
import type { LoginEndReason } from "../telling/events.js";
import type { KeptLoginData, LoginData } from "./login-data.js";
import { functionValue, seconds } from "./option-values.js";
import type { Filled, Shape } from "./read-options.js";

/** A user whom the provider has signed in, and who is not signed in here yet. */
export interface IncomingLogin {
  /** The name of the provider, by the option `providers`; `default` where there is one. */
  readonly provider: string;
  /** Claims of the ID Token and UserInfo. `iss` and `sub` together name the user, of several providers with `provider`; nothing else does (Core 5.7). */
  readonly claims: Claims;
  /** What the provider posted about the user, as Apple does with the name, once. Not verified; see `Login.unverifiedUser`. */
  readonly unverifiedUser: Readonly<Record<string, unknown>> | undefined;
  /** When the user authenticated at the provider (`auth_time`), if it said. */
  readonly authenticatedAt: Date | undefined;
  /** How the user authenticated (`acr`), if the provider said. */
  readonly acr: string | undefined;
  /** What `kit.startLogin` was given as `state`; undefined: nothing, or the login began elsewhere. */
  readonly state: Readonly<Record<string, unknown>> | undefined;
}

/** What becomes of a login. */
export type LoginDecision =
  /** Nobody is signed in; the page shows this text, of up to 1000 characters. */
  | { readonly refuse: string }
  /** The user is signed in; this is kept with the login: plain JSON, up to 4 KB. */
  | { readonly data: LoginData };

// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a function without a result is one of these
type Decided = LoginDecision | void;

/** Decides about a login. Without a result the user is signed in, and nothing is kept. */
export type OnLogin = (
  login: IncomingLogin,
  req: Request,
) => Decided | Promise<Decided>;

/** A login that has ended. */
export interface FormerLogin {
  /** What named it in logs. */
  readonly id: string;
  /** The name of the provider, by the option `providers`; `default` where there is one. */
  readonly provider: string;
  /** `iss` of its claims. */
  readonly issuer: string;
  /** `sub` of its claims. */
  readonly subject: string;
  /** Its claims as they were in the end. */
  readonly claims: Claims;
  /** What `onLogin` gave; empty where it gave nothing. */
  readonly data: KeptLoginData;
}

/** Learns of a login that has ended. */
export type OnLogout = (login: FormerLogin, reason: LoginEndReason) => unknown;

/** Options about what the application itself does when logins begin and end. */
export interface HookOptions {
  /**
   * Decides whether a user whom the provider has signed in is signed in here, and
   * gives what is kept with the login (`loginOf(req).data`): the id of the
   * application's own user, for example. Asked at each sign-in, before anything of
   * it is stored. Default none: everybody is signed in.
   *
   * Nothing: the user is signed in. `{ refuse: text }`: nobody is, and the page
   * shows the text (403 `ERR_LOGIN_REFUSED`). `{ data }`: signed in, with this data,
   * up to 4 KB of plain JSON. Whatever else it does signs nobody in (500
   * `ERR_LOGIN_HOOK_FAILED`): it throws, takes longer than `hookTimeoutSeconds`, or
   * gives another result. `kit.sessions.endAll` of this user ends the sign-in that
   * is being decided as well; for one login at a time there is
   * `session.maxLoginsPerUser`.
   *
   * @see docs/guides/roles-and-own-users.md
   */
  readonly onLogin?: OnLogin;
  /**
   * Told of each login that this process has ended, whatever the reason, once. No
   * sign-out waits for it, and none fails by it: what it throws, or that it takes
   * longer than `hookTimeoutSeconds`, is told by the event `error`. `kit.close()`
   * waits for it. Default none.
   *
   * @see docs/guides/roles-and-own-users.md#when-a-login-ends
   */
  readonly onLogout?: OnLogout;
  /** How long `onLogin` and `onLogout` may take. Seconds, up to 60, default 5. */
  readonly hookTimeoutSeconds?: number;
}

/** The same after checking. */
export type HookConfig = Filled<HookOptions, "onLogin" | "onLogout">;

/** What they may be. */
export const hookShape: Shape<HookConfig> = {
  onLogin: functionValue<OnLogin>("must be a function").optional(),
  onLogout: functionValue<OnLogout>("must be a function").optional(),
  hookTimeoutSeconds: seconds(5, 60),
};
