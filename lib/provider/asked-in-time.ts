/** Asks a function of the application that stands between us and the provider. */
import { withinDeadline } from "../base/deadline.js";
import type { ProviderConfig } from "../config/provider-config.js";

/**
 * Its answer. Nobody waits longer for it than for the provider itself: rejects
 * after `providerTimeoutSeconds`, and where the function fails.
 */
export function askedInTime<Answer>(
  ask: () => Answer | Promise<Answer>,
  {
    providerTimeoutSeconds: seconds,
  }: Pick<ProviderConfig, "providerTimeoutSeconds">,
): Promise<Answer> {
  return withinDeadline(
    // Whatever it gives, and however it fails.
    (async () => ask())(),
    seconds * 1000,
    () => new Error("it did not answer within providerTimeoutSeconds"),
  );
}
