/** Where the application runs, and what may be different there. */
import { isLoopback } from "../base/loopback.js";
import { parseUrl } from "../base/parse-url.js";

/** Where the application runs. */
export interface Environment {
  /** `NODE_ENV`. */
  readonly nodeEnv: string | undefined;
}

/**
 * Whether strangers may see what developers see, and logins may be kept in the
 * process: only where `NODE_ENV` says so, or on a loopback address.
 */
export function isDevelopment(
  baseUrls: readonly string[],
  { nodeEnv }: Environment,
): boolean {
  if (nodeEnv === "production") return false;
  if (nodeEnv === "development" || nodeEnv === "test") return true;
  const urls = baseUrls.map(parseUrl);
  return urls.every((url) => url !== undefined && isLoopback(url));
}
