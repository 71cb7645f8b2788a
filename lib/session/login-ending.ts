/** Ends logins: the record first, then the session that goes with it. */
import type { Config } from "../config.js";
import { LoginKitError } from "../errors.js";
import type {
  LoginEndReason,
  LoginKitEmitter,
  LoginSubject,
} from "../events.js";
import { inParts } from "../in-parts.js";
import type {
  EndedLogin,
  Identity,
  LoginStore,
  TokenSet,
} from "../login-store/login-store.js";
import type { SessionBackend } from "./session-backend.js";

/**
 * Ends after which the provider is told that the tokens are over. Not after a
 * new login in the same browser and the like: revoking an old refresh token
 * may end the grant that the new login rests on. A user who signs out waits
 * for it, so logout does it itself.
 */
const REVOKING = new Set<LoginEndReason>([
  "revoked",
  "provider_logout",
  "refresh_rejected",
]);

/** What ends logins, whoever wants it. */
export interface LoginEnding {
  /** Ends a login and tells of it. Undefined: it was over already. */
  end: (id: string, reason: LoginEndReason) => Promise<EndedLogin | undefined>;
  /** The same, unless its tokens have been replaced since this revision. */
  endAt: (
    id: string,
    reason: LoginEndReason,
    revision: number,
  ) => Promise<EndedLogin | undefined>;
  /** Ends many; how many of them were not over already. */
  endAll: (ids: readonly string[], reason: LoginEndReason) => Promise<number>;
}

/** What {@link createLoginEnding} works with. */
export interface LoginEndingDeps {
  readonly config: Config;
  readonly loginStore: LoginStore;
  readonly backend: SessionBackend;
  readonly events: LoginKitEmitter;
  /** Revokes tokens at the provider when there is time. */
  readonly revokeLater: (subject: LoginSubject, tokens: TokenSet) => void;
}

/** Creates the one place where logins end. */
export function createLoginEnding({
  config,
  loginStore,
  backend,
  events,
  revokeLater,
}: LoginEndingDeps): LoginEnding {
  const ended = async (
    login: EndedLogin | undefined,
    reason: LoginEndReason,
  ): Promise<EndedLogin | undefined> => {
    if (login === undefined) return undefined;
    const { id, record, tokens } = login;
    const subject = subjectOf(id, record.identity);
    events.emit("login.ended", { ...subject, reason });
    if (tokens !== undefined && isRevoked(tokens, reason, config)) {
      revokeLater(subject, tokens);
    }
    try {
      await backend.remove(id);
    } catch (error) {
      // The login is over, and a session without its login is never given out.
      if (!(error instanceof LoginKitError)) throw error;
      events.emit("error", error);
    }
    return login;
  };
  const end: LoginEnding["end"] = async (id, reason) =>
    ended(await loginStore.endLogin(id), reason);

  return {
    end,
    endAt: async (id, reason, revision) =>
      ended(await loginStore.endLoginAt(id, revision), reason),
    async endAll(ids, reason) {
      const logins = await inParts(ids, (id) => end(id, reason));
      return logins.filter((login) => login !== undefined).length;
    },
  };
}

function isRevoked(
  { accessTokens }: TokenSet,
  reason: LoginEndReason,
  { scope }: Config,
): boolean {
  if (reason !== "provider_logout") return REVOKING.has(reason);
  // Back-Channel Logout 2.7: what was granted for offline use outlives the session.
  const granted = accessTokens[""]?.scope ?? scope;
  return !granted.split(" ").includes("offline_access");
}

/** How events name a login. */
export function subjectOf(id: string, { claims }: Identity): LoginSubject {
  return { loginId: id, issuer: claims.iss, subject: claims.sub };
}
