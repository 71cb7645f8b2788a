/** Asks a function of the application that stands between us and the provider. */
import { withinDeadline } from "../base/deadline.js";
import { LoginKitError } from "../base/errors.js";
import { printable } from "../base/printable.js";
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

/**
 * The same for what an answer of the provider is read with: that it cannot be had
 * says nothing about the answer, which may be good later.
 *
 * @param option the name of the function
 * @throws {LoginKitError} `ERR_PROVIDER_UNAVAILABLE`
 */
export async function neededInTime<Answer>(
  option: string,
  ask: () => Answer | Promise<Answer>,
  config: Pick<ProviderConfig, "providerTimeoutSeconds">,
): Promise<Answer> {
  try {
    return await askedInTime(ask, config);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LoginKitError("ERR_PROVIDER_UNAVAILABLE", {
      message: `the function ${option} failed: ${printable(reason)}`,
    });
  }
}
