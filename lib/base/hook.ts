/** Calls a function of the application that is a part of the flow, for a bounded time. */
import { types } from "node:util";
import { withinDeadline } from "./deadline.js";
import { LoginKitError } from "./errors.js";
import { printable } from "./printable.js";

/**
 * The result of the function.
 *
 * @param name of the option that it is
 * @throws {LoginKitError} `ERR_LOGIN_HOOK_FAILED` where it throws, or takes longer
 */
export async function resultOfHook<Result>(
  name: string,
  call: () => Result | Promise<Result>,
  seconds: number,
): Promise<Result> {
  const result = new Promise<Result>((resolve) => {
    resolve(call());
  }).catch((thrown: unknown) => {
    throw threw(name, thrown);
  });
  return withinDeadline(result, seconds * 1000, () =>
    hookFailed(
      name,
      `takes longer than hookTimeoutSeconds, ${String(seconds)} s`,
    ),
  );
}

/** What a hook did wrong, for the developer. */
export function hookFailed(
  name: string,
  what: string,
  cause?: unknown,
): LoginKitError {
  return new LoginKitError("ERR_LOGIN_HOOK_FAILED", {
    message: `the function ${name} ${what}`,
    cause,
  });
}

function threw(name: string, thrown: unknown): LoginKitError {
  // An error of another realm is one too, and no error may be anything.
  if (!types.isNativeError(thrown)) {
    return hookFailed(name, "threw something that is no Error");
  }
  return hookFailed(name, `failed: ${printable(thrown.message)}`, thrown);
}
