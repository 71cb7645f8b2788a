/** What the functions that make client authentication may be handed. */
import * as z from "zod";
import { checked, membersOf } from "./checked.js";
import { ConfigError } from "./errors.js";
import { parseUrl } from "./parse-url.js";

const ASSERTION_OPTIONS = membersOf({
  audience: z
    .string("must be a text")
    .refine(
      (audience) => parseUrl(audience) !== undefined,
      "must be an absolute URL, such as https://op.example/token",
    )
    .exactOptional(),
});

/** The audience that a client assertion is to have; undefined: the usual one. */
export function checkedAudience(
  call: string,
  options: unknown,
): string | undefined {
  if (options === undefined) return undefined;
  return checked(call, "options", ASSERTION_OPTIONS, options).audience;
}

/**
 * A secret as it is.
 *
 * @throws {ConfigError} for an empty one
 */
export function checkedSecret(call: string, secret: string): string {
  if (secret === "") throw new ConfigError(["secret: must not be empty"], call);
  return secret;
}

/**
 * Keys as they are read.
 *
 * @throws {ConfigError} with what the reader throws
 */
export function checkedKeys<Keys>(call: string, read: () => Keys): Keys {
  try {
    return read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([`key: ${reason}`], call);
  }
}
