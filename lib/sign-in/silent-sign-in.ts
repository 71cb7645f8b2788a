/** Where a sign-in ends that was to ask the user nothing, and would have had to. */
import { localPath } from "../base/return-to.js";
import type { Transaction } from "../stores/login-store.js";

/** The query parameter that tells a page the provider's reason. */
const REASON = "login_error";

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
  url.searchParams.set(REASON, error);
  return url.pathname + url.search + url.hash;
}

/** The page's address as it was before; undefined where it has no such reason. */
export function withoutReason(address: string): string | undefined {
  const path = localPath(address);
  if (path === undefined) return undefined;
  const url = new URL(path, "http://path.invalid");
  if (!url.searchParams.has(REASON)) return undefined;
  url.searchParams.delete(REASON);
  return url.pathname + url.search;
}
