/** Tells the application of a login that has ended: the option `onLogout`. */
import { resultOfHook } from "../base/hook.js";
import type { FormerLogin } from "../config/hook-options.js";
import type { Ground } from "../config/ground.js";
import type { EndedLogin } from "../stores/login-store.js";
import type { LoginEndReason } from "../telling/events.js";

/** Nobody waits for it but `kit.close()`, and what it does wrong fails nothing. */
export function tellApplication(
  {
    config,
    events,
    finishing,
  }: Pick<Ground, "config" | "events" | "finishing">,
  ended: EndedLogin,
  reason: LoginEndReason,
): void {
  const { onLogout, hookTimeoutSeconds } = config;
  if (onLogout === undefined) return;
  const login = formerLogin(ended);
  finishing
    .finish(() =>
      resultOfHook(
        "onLogout",
        () => onLogout(login, reason),
        hookTimeoutSeconds,
      ),
    )
    .catch((error: unknown) => {
      if (error instanceof Error) events.emit("error", error);
    });
}

/** A copy: the sign-out goes on with what it has. */
function formerLogin({ id, record }: EndedLogin): FormerLogin {
  const { identity, data = {} } = record;
  const { iss: issuer, sub: subject } = identity.claims;
  return {
    id,
    provider: identity.provider,
    issuer,
    subject,
    ...structuredClone({ claims: identity.claims, data }),
  };
}
