/** Everything that the endpoints of one kit are made of, each part made once. */
import type { Config } from "./config/config.js";
import type { Ground } from "./config/ground.js";
import { createKnownProviders } from "./config/known-providers.js";
import { createSignOut, type SignOut } from "./express/sign-out.js";
import { createExpectAnswer, type ExpectAnswer } from "./http/unanswered.js";
import { createLogins, type Logins } from "./logins/logins.js";
import { createSessions, type Sessions } from "./logins/sessions.js";
import { createProviders, type Providers } from "./provider/providers.js";
import { createRunning, type Running } from "./resource/running.js";
import { createSend, type Send } from "./resource/send.js";
import {
  createLoginAttempts,
  type LoginAttempts,
} from "./sign-in/login-attempts.js";
import { createSignIn, type SignIn } from "./sign-in/make-login.js";
import {
  createTransactions,
  type Transactions,
} from "./sign-in/transactions.js";
import { createFinishing } from "./stores/finishing.js";
import type { SessionBackend } from "./stores/session-backend.js";
import { createStore, type StoreSettings } from "./stores/store.js";
import { createEvents } from "./telling/events.js";
import {
  createLogoutRevocation,
  type LogoutRevocation,
} from "./tokens/logout-revocation.js";
import { createRevocation, type Revocation } from "./tokens/revocation.js";
import { createTokens, type Tokens } from "./tokens/tokens.js";

/** The parts; a handler takes those that it needs. */
export interface Parts extends Ground, Logins, Tokens {
  readonly providers: Providers;
  readonly revocation: Revocation;
  readonly logoutRevocation: LogoutRevocation;
  readonly sessionBackend: SessionBackend;
  readonly transactions: Transactions;
  readonly loginAttempts: LoginAttempts;
  readonly signIn: SignIn;
  readonly signOut: SignOut;
  readonly sessions: Sessions;
  readonly expectAnswer: ExpectAnswer;
  readonly send: Send;
  readonly running: Running;
  /** Gives up what is under way at the provider and in the store. */
  readonly giveUp: () => void;
}

/** Creates the parts of a kit. Contacts nothing. */
export function createParts(config: Config): Parts {
  const givenUp = new AbortController();
  const now = (): number => Date.now();
  const { loginStore, sessionBackend } = createStore(
    storeSettings(config),
    now,
  );
  const events = createEvents();
  const ground: Ground = {
    config,
    knownProviders: createKnownProviders(config, now, (error) => {
      events.emit("error", error);
    }),
    now,
    stop: givenUp.signal,
    events,
    loginStore,
    finishing: createFinishing(givenUp.signal),
  };
  const providers = createProviders(ground);
  const revocation = createRevocation(providers, ground.events);
  const logoutRevocation = createLogoutRevocation(
    revocation,
    ground.knownProviders,
  );
  const logins = createLogins(ground, sessionBackend, {
    later: revocation.later,
    afterLogout: logoutRevocation.hold,
  });
  const tokens = createTokens(ground, providers, logins, logoutRevocation);
  return {
    ...ground,
    providers,
    ...logins,
    ...tokens,
    revocation,
    logoutRevocation,
    sessionBackend,
    transactions: createTransactions(ground),
    loginAttempts: createLoginAttempts(config, ground.now),
    signIn: createSignIn(ground, logins, revocation.later),
    signOut: createSignOut(ground, logins.loginEnding, sessionBackend),
    sessions: createSessions(ground, logins, tokens.liveLoginOf),
    expectAnswer: createExpectAnswer(config.basePath, noticeUnanswered),
    send: createSend(config.agent),
    running: createRunning(),
    giveUp: () => {
      givenUp.abort();
    },
  };
}

function storeSettings(config: Config): StoreSettings {
  return {
    redis: config.redis,
    driver: config.store,
    keyPrefix: config.keyPrefix,
    secrets: config.session.secrets,
    // As long as the longest login, so that a session never ends before its login.
    sessionSeconds: config.session.absoluteTimeoutSeconds,
    timeoutSeconds: config.storeTimeoutSeconds,
  };
}

function noticeUnanswered(path: string): void {
  console.warn(
    `express-login-kit: ${path} was answered by 404, and the kit sends browsers there. Mount its endpoints with app.use(kit.routes), before routes of your own and not below a path; or change the option paths.`,
  );
}
