/** Everything that the endpoints of one kit are made of, each part made once. */
import type { Config } from "./config/config.js";
import type { Ground } from "./config/ground.js";
import { createKnownProviders } from "./config/known-providers.js";
import { createSignOut, type SignOut } from "./express/sign-out.js";
import { createExpectAnswer, type ExpectAnswer } from "./http/unanswered.js";
import { createLiveLogins } from "./logins/live-logins.js";
import { createLoginEnding } from "./logins/login-ending.js";
import { createLogins, type Logins } from "./logins/logins.js";
import { createSessions, type Sessions } from "./logins/sessions.js";
import { createProviders, type Providers } from "./provider/providers.js";
import { measuredSend } from "./resource/measured-send.js";
import { createRunning, type Running } from "./resource/running.js";
import { createSend, type Send } from "./resource/send.js";
import { createKeptForms, type KeptForms } from "./sign-in/kept-forms.js";
import {
  createScopeOnDemand,
  type ScopeOnDemand,
} from "./sign-in/scope-on-demand.js";
import {
  createLoginAttempts,
  type LoginAttempts,
} from "./sign-in/login-attempts.js";
import { createSilence, type Silence } from "./sign-in/silence.js";
import { createSignIn, type SignIn } from "./sign-in/make-login.js";
import {
  createTransactions,
  type Transactions,
} from "./sign-in/transactions.js";
import { createFinishing } from "./stores/finishing.js";
import type { SessionBackend } from "./stores/session-backend.js";
import { createStore, type StoreSettings } from "./stores/store.js";
import { createEvents } from "./telling/events.js";
import { countFor } from "./telling/metrics.js";
import { createTelemetry } from "./telling/telemetry.js";
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
  readonly scopeOnDemand: ScopeOnDemand;
  readonly keptForms: KeptForms;
  readonly silence: Silence;
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
  const telemetry = config.telemetry && createTelemetry(config.telemetry);
  const { loginStore, sessionBackend } = createStore(
    { ...storeSettings(config), watch: telemetry?.store },
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
    telemetry,
    loginStore,
    finishing: createFinishing(givenUp.signal),
    watched: { by: undefined },
  };
  const providers = createProviders(ground);
  const silence = createSilence(config, now);
  const revocation = createRevocation(providers, ground.events);
  const logoutRevocation = createLogoutRevocation(
    revocation,
    ground.knownProviders,
  );
  const ending = {
    loginEnding: createLoginEnding(ground, sessionBackend, {
      later: revocation.later,
      afterLogout: logoutRevocation.hold,
    }),
    liveLogins: createLiveLogins(ground),
  };
  const tokens = createTokens(ground, providers, ending, logoutRevocation);
  const logins = createLogins(ground, ending, tokens.withFreshClaims);
  if (config.telemetry !== undefined) {
    countFor(config.telemetry, {
      events: events.emitter,
      counters: tokens.counters,
      openStreams: ending.liveLogins.open,
    });
  }
  return {
    ...ground,
    providers,
    ...logins,
    ...tokens,
    revocation,
    logoutRevocation,
    sessionBackend,
    transactions: createTransactions(ground),
    loginAttempts: createLoginAttempts(config, now, silence.forget),
    scopeOnDemand: createScopeOnDemand(),
    silence,
    keptForms: createKeptForms(ground),
    signIn: createSignIn(ground, logins, revocation.later),
    signOut: createSignOut(ground, logins.loginEnding, sessionBackend),
    sessions: createSessions(ground, logins, tokens.liveLoginOf),
    expectAnswer: createExpectAnswer(config.basePath, (path, status) => {
      noticeUnanswered(path, status, config);
    }),
    send: measuredSend(createSend(config.agent), telemetry),
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
    tokensNeedCookie: config.session.tokensNeedCookie,
    // As long as the longest login, so that a session never ends before its login.
    sessionSeconds: config.session.absoluteTimeoutSeconds,
    timeoutSeconds: config.storeTimeoutSeconds,
  };
}

function noticeUnanswered(
  path: string,
  status: 200 | 404,
  { explainsErrors }: Config,
): void {
  if (status === 404) {
    console.warn(
      `express-login-kit: ${path} was answered by 404, and the kit sends browsers there. Mount its endpoints with app.use(kit.routes), before routes of your own and not below a path; or change the option paths.`,
    );
    return;
  }
  // It may be a page of the application, on purpose.
  if (!explainsErrors) return;
  console.warn(
    `express-login-kit: ${path} was answered by 200, but not by the kit: something stands before its endpoints, such as the fallback of a single-page app. Write app.use(kit.routes) before it. A page of your own that leads on to kit.startLogin is all right.`,
  );
}
