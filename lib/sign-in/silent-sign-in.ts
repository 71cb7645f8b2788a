/** Where a sign-in ends that was to ask the user nothing, and would have had to. */
import type { Transaction } from "../stores/login-store.js";

/** Answers to `prompt=none` that say no more than that the user has to be asked (Core 3.1.2.6). */
const NEEDS_USER = new Set([
  "account_selection_required",
  "consent_required",
  "interaction_required",
  "login_required",
]);

/**
 * The page that wanted to know whether there is a login, with the provider's
 * reason; undefined where the error is one.
 */
export function locationAfterSilence(
  { isSilent, returnTo }: Transaction,
  error: string,
): string | undefined {
  if (!isSilent || !NEEDS_USER.has(error)) return undefined;
  const url = new URL(returnTo, "http://path.invalid");
  url.searchParams.set("login_error", error);
  return url.pathname + url.search + url.hash;
}
