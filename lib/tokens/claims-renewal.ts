/** Renews the claims of a login that have become old, once for all who ask. */
import type { Ground } from "../config/ground.js";
import { withinDeadline } from "../base/deadline.js";
import { LoginKitError } from "../base/errors.js";
import { oneLine } from "../base/printable.js";
import { claimsDueAt, claimsEndAt } from "../logins/claims-age.js";
import type { LiveLogin, WithFreshClaims } from "../logins/current-login.js";
import { subjectOf, type LoginEnding } from "../logins/login-ending.js";
import { loginEnd } from "../logins/login-lifetime.js";
import type { LoginRecord } from "../stores/login-store.js";
import type { AskForClaims } from "./ask-for-claims.js";
import type { RenewOnce } from "./renew-once.js";

/** Requests to the provider that a renewal waits for, one after the other: a refresh, and UserInfo. */
const REQUESTS = 2;

/** What claims are renewed with. */
type Making = Pick<Ground, "loginStore" | "events" | "now"> & {
  readonly loginEnding: LoginEnding;
  readonly askForClaims: AskForClaims;
};

/**
 * Creates what a guard asks when it finds claims that are old.
 *
 * The renewal has a lock of its own, so that one process asks for all of them and
 * a failure holds off the next attempt. The refresh in it takes the login's own
 * lock as every other does: a refresh token is spent once.
 */
export function createClaimsRenewal(
  ground: Ground,
  loginEnding: LoginEnding,
  renewOnce: RenewOnce,
  askForClaims: AskForClaims,
): WithFreshClaims {
  const { config, loginStore, now } = ground;
  const making: Making = { ...ground, loginEnding, askForClaims };
  const underWay = new Map<string, Promise<LoginRecord>>();

  /** Whoever comes while it goes on waits no longer than the one who came first. */
  const begin = (login: LiveLogin): Promise<LoginRecord> => {
    const { id, provider } = login;
    const waitSeconds = REQUESTS * provider.providerTimeoutSeconds;
    const name = `${id} claims`;
    const renewal = renewOnce({
      id: name,
      shared: name,
      look: async () => {
        const record = await loginStore.readLogin(id);
        if (record === undefined) throw new LoginKitError("ERR_LOGIN_REQUIRED");
        const isNew = claimsDueAt({ ...login, record }) > now();
        return { ready: isNew ? record : undefined, basis: record };
      },
      renew: (record) => renew(login, record, making),
      waitSeconds,
    });
    const answer = withinDeadline(renewal, waitSeconds * 1000, () =>
      unavailable(new Error("it takes longer than a request can wait")),
    );
    underWay.set(id, answer);
    const forget = (): void => {
      underWay.delete(id);
    };
    renewal.then(forget, forget);
    return answer;
  };

  return async function withFreshClaims(login) {
    const renewal = underWay.get(login.id) ?? begin(login);
    const failure = await renewal.then(() => undefined, errorOf);
    if (failure !== undefined && !(failure instanceof LoginKitError)) {
      throw failure;
    }
    // A copy of its own for each request; and the login may have ended.
    const record = await loginStore.readLogin(login.id);
    if (record === undefined) return undefined;
    const found = { ...login, record, expiresAt: loginEnd(record, config) };
    if (failure === undefined || claimsEndAt(found) > now()) return found;
    throw failure;
  };
}

/** Asks for new claims and stores them. The caller holds their lock. */
async function renew(
  login: LiveLogin,
  record: LoginRecord,
  { loginStore, loginEnding, askForClaims, events, now }: Making,
): Promise<LoginRecord> {
  const { id } = login;
  const { identity } = record;
  const claimsAt = now();
  try {
    const claims = await askForClaims({ ...login, record });
    const next = { ...record, identity: { ...identity, claims }, claimsAt };
    const outcome = await loginStore.replaceClaims(id, record, next);
    if (outcome === "ended") throw new LoginKitError("ERR_LOGIN_REQUIRED");
    // In a conflict another process was faster, and its claims are as new.
    if (outcome === "stored") {
      events.emit("claims.refreshed", subjectOf(id, identity));
    }
    return next;
  } catch (error) {
    if (!(error instanceof LoginKitError)) throw error;
    if (error.code === "ERR_LOGIN_REQUIRED") throw error;
    const { code, message } = error;
    events.emit("claims.refresh_failed", {
      ...subjectOf(id, identity),
      code,
      diagnosis: oneLine(message),
    });
    const isOver = claimsEndAt({ ...login, record }) <= now();
    // With nothing to ask by, only signing in again helps.
    if (isOver && code === "ERR_NO_ACCESS_TOKEN") {
      await loginEnding.end(id, "expired");
    }
    throw unavailable(error);
  }
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** What may pass, to whoever holds the lock: the next attempt is held off. */
function unavailable(cause: Error): LoginKitError {
  if (cause instanceof LoginKitError && cause.status === 503) return cause;
  return new LoginKitError("ERR_PROVIDER_UNAVAILABLE", {
    message: `the claims could not be renewed: ${cause.message}`,
    cause,
  });
}
