/** What a page may use a forwarded answer for (Fetch Metadata, `Sec-Fetch-Dest`). */
import { ConfigError, LoginKitError } from "../base/errors.js";

/**
 * What no page runs as code, takes for its style or its description, or shows
 * as a document inside of its own: data, media, and a page load of its own,
 * such as a download.
 */
const ALWAYS = new Set([
  "audio",
  "document",
  "empty",
  "font",
  "image",
  "json",
  "report",
  "track",
  "video",
]);

/** The others (Fetch 2.2.5). Whatever comes later is refused until it is known here. */
const BY_NAME = new Set([
  "audioworklet",
  "embed",
  "fencedframe",
  "frame",
  "iframe",
  "manifest",
  "object",
  "paintworklet",
  "script",
  "serviceworker",
  "sharedworker",
  "speculationrules",
  "style",
  "webidentity",
  "worker",
  "xslt",
]);

/** Refuses a request for a destination that is not allowed. */
export type RefuseDestination = (destination: string | undefined) => void;

/**
 * Creates the check of `Sec-Fetch-Dest`. A request without it passes: then
 * the browser is too old to say, or the client is no browser.
 *
 * Its result throws `ERR_DESTINATION_NOT_ALLOWED`.
 *
 * @param more destinations that the application allows too
 * @throws {ConfigError} at once for a name that is no destination
 */
export function createRefuseDestination(
  more: readonly string[],
): RefuseDestination {
  const unknown = more.filter(
    (name) => !ALWAYS.has(name) && !BY_NAME.has(name),
  );
  if (unknown.length > 0) {
    throw new ConfigError(
      [
        `destinations: ${unknown.join(", ")} is no destination of a request; those that can be allowed are ${[...BY_NAME].join(", ")}`,
      ],
      "kit.forward",
    );
  }
  const allowed = new Set([...ALWAYS, ...more]);
  return function refuseDestination(destination) {
    if (destination === undefined || allowed.has(destination)) return;
    throw new LoginKitError("ERR_DESTINATION_NOT_ALLOWED");
  };
}
