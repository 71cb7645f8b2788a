/** Which `return_to` values are local paths. */

/** Longest accepted value, in characters; longer ones are no page of ours. */
const MAX_LENGTH = 2048;

// Resolving against a host that cannot exist shows whether a value leaves it.
const ANY_ORIGIN = "http://return-to.invalid";

// Printable ASCII without the backslash, which browsers read as a slash.
const PATH_CHARACTERS = /^[\x21-\x5b\x5d-\x7e]+$/;

/**
 * The value as a path on this origin, or undefined when it is not one.
 *
 * Accepts `/path?query#fragment`. Refuses absolute URLs, `//host`, backslashes,
 * control characters, spaces and anything the WHATWG parser would turn into
 * another origin (RFC 9700 2.1: no open redirector).
 */
export function localPath(value: unknown): string | undefined {
  if (typeof value !== "string" || value.length > MAX_LENGTH) return undefined;
  if (!PATH_CHARACTERS.test(value)) return undefined;
  if (!value.startsWith("/") || value.startsWith("//")) return undefined;
  const url = new URL(value, ANY_ORIGIN);
  if (url.origin !== ANY_ORIGIN) return undefined;
  // `/.//evil` collapses to `//evil`, which a browser would take for a host.
  if (url.pathname.startsWith("//")) return undefined;
  return url.pathname + url.search + url.hash;
}
