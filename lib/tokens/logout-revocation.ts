/** Keeps the tokens of who signs out until the browser has been at the provider's logout, then has them revoked. */
import { BoundedMap } from "../base/bounded-map.js";
import type { KnownProviders } from "../config/known-providers.js";
import type { LoginSubject } from "../telling/events.js";
import type { TokenSet } from "../stores/login-store.js";
import { belongToSession } from "../stores/tokens-of-session.js";
import type { Revocation } from "./revocation.js";

/**
 * How long a browser may be at the provider's logout. Then the tokens are
 * revoked all the same: it may never come back, or come back to another process.
 */
const AWAY_MS = 30_000;

/** How many sign-outs are known by their `state` at most. Others wait for {@link AWAY_MS}. */
const MAX_AWAY = 10_000;

/**
 * Revocation after the provider's logout.
 *
 * A provider may end the client's part of its session together with the refresh
 * token. Keycloak does: asked to end the session afterwards, it tells neither
 * this client nor its other logins.
 */
export interface LogoutRevocation {
  /** Keeps tokens of a login that is over. They are revoked by one of the following, or half a minute later. */
  hold: (subject: LoginSubject, tokens: TokenSet) => void;
  /** The browser is sent to the provider, and brings this `state` when it comes back. */
  sentAway: (state: string, loginIds: readonly string[]) => void;
  /** A browser came from the provider: revokes what waited for it and may still be good. A `state` that nobody knows does nothing. */
  cameBack: (state: string) => void;
  /** No browser goes to the provider: revokes, and waits for it as long as a user would. Never rejects. */
  staysHere: (loginIds: readonly string[]) => Promise<void>;
  /** Revokes whatever waits, and keeps nothing from now on. */
  close: () => void;
}

/** Tokens that wait, and whose they are. */
interface Held {
  readonly subject: LoginSubject;
  readonly tokens: TokenSet;
}

/** Creates it; what fails is told as `token.revocation_failed`. */
export function createLogoutRevocation(
  revocation: Pick<Revocation, "now" | "later">,
  knownProviders: Pick<KnownProviders, "knownByNow">,
): LogoutRevocation {
  // Of a login more than one where a refresh was under way.
  const waiting = new Map<string, Held[]>();
  const timers = new Map<string, NodeJS.Timeout>();
  const away = new BoundedMap<readonly string[]>(MAX_AWAY);
  let isClosed = false;

  const take = (loginId: string): readonly Held[] => {
    const taken = waiting.get(loginId) ?? [];
    waiting.delete(loginId);
    clearTimeout(timers.get(loginId));
    timers.delete(loginId);
    return taken;
  };
  const revokeLater = (held: readonly Held[]): void => {
    for (const { subject, tokens } of held) revocation.later(subject, tokens);
  };
  const outlivesSession = ({ subject, tokens }: Held): boolean => {
    const provider = knownProviders.knownByNow(subject.provider);
    return (
      provider?.tokensEndWithSession !== true ||
      !belongToSession(tokens, provider.scope)
    );
  };
  return {
    hold(subject, tokens) {
      const { loginId } = subject;
      const held = waiting.get(loginId);
      if (isClosed) revocation.later(subject, tokens);
      else if (held !== undefined) held.push({ subject, tokens });
      else {
        waiting.set(loginId, [{ subject, tokens }]);
        const timer = setTimeout(() => {
          revokeLater(take(loginId));
        }, AWAY_MS);
        timers.set(loginId, timer.unref());
      }
    },
    sentAway(state, loginIds) {
      if (loginIds.some((id) => waiting.has(id))) away.set(state, loginIds);
    },
    cameBack(state) {
      // The provider sends the browser back when its session is over.
      for (const id of away.get(state) ?? []) {
        revokeLater(take(id).filter(outlivesSession));
      }
      away.delete(state);
    },
    async staysHere(loginIds) {
      const held = loginIds.flatMap(take);
      await Promise.all(
        held.map(({ subject, tokens }) => revocation.now(subject, tokens)),
      );
    },
    close() {
      isClosed = true;
      for (const id of [...waiting.keys()]) revokeLater(take(id));
    },
  };
}
