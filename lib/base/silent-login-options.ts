/** What `kit.silentLogin` may be handed. */
import * as z from "zod";
import { checked, membersOf } from "./checked.js";
import { ConfigError } from "./errors.js";

/** How `kit.silentLogin` asks. */
export interface SilentLoginOptions {
  /** How long a browser that was asked is left alone. Seconds, at least 60, default 3600. */
  readonly everySeconds?: number;
  /** The name of the provider that is asked, by the option `providers`. Default: as `chooseProvider` says; where it does not, nobody is asked. */
  readonly provider?: string;
}

const OPTIONS = membersOf({
  everySeconds: z
    .number("must be a number of seconds")
    .min(60, "must be at least 60")
    .exactOptional(),
  provider: z
    .string("must be a text")
    .min(1, "must not be empty")
    .exactOptional(),
});

const DEFAULT_SECONDS = 3600;

/** The options; none: the defaults. */
export function checkedSilentLogin(given: readonly unknown[]): {
  readonly everySeconds: number;
  readonly provider?: string;
} {
  const [options = {}, , next] = given;
  if (typeof next === "function") {
    throw new ConfigError(
      ["was mounted as a handler; it makes one: write kit.silentLogin()"],
      "kit.silentLogin",
    );
  }
  return {
    everySeconds: DEFAULT_SECONDS,
    ...checked("kit.silentLogin", "options", OPTIONS, options),
  };
}
