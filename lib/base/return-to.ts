/** Which `return_to` values are local paths. */

/** Longest accepted value, in characters; longer ones are no page of ours. */
const MAX_LENGTH = 2048;

// Resolving against a host that cannot exist shows whether a value leaves it.
const ANY_ORIGIN = "http://return-to.invalid";

/** What most pages are called: nothing in it is read in two ways, so nothing has to be looked at. */
const PLAIN_PATH = /^\/(?:[\w-]+\/)*[\w-]*$/;

// What a path is made of, encoded or as a router has decoded it: no control
// characters, nothing invisible, and no space at either end of a segment.
const PATH_CHARACTERS =
  /^(?:(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{M}\p{N}\p{P}\p{S}]|(?<=[^/]) (?=[^/]))+$/u;

// Read as a slash or a dot by browsers (the first), in hosts, or by code pages.
const SLASH_LIKE = /[\\\u2044\u2215\u2216\u29f5\u29f8\u29f9\u3002\ufffd]/;

/**
 * The value as a path on this origin, or undefined when it is not one.
 *
 * Accepts `/path?query#fragment`, and encodes what a router has decoded in it,
 * such as spaces. Refuses absolute URLs, `//host`, backslashes, control
 * characters and anything the WHATWG parser would turn into another origin
 * (RFC 9700 2.1: no open redirector).
 */
export function localPath(value: unknown): string | undefined {
  if (typeof value !== "string" || value.length > MAX_LENGTH) return undefined;
  if (PLAIN_PATH.test(value)) return value;
  if (!PATH_CHARACTERS.test(value) || SLASH_LIKE.test(value)) return undefined;
  // Fullwidth slashes and the like stand for others.
  if (value.normalize("NFKC") !== value.normalize("NFC")) return undefined;
  if (!value.startsWith("/") || value.startsWith("//")) return undefined;
  const url = new URL(value, ANY_ORIGIN);
  if (url.origin !== ANY_ORIGIN) return undefined;
  // `/.//evil` collapses to `//evil`, which a browser would take for a host.
  if (url.pathname.startsWith("//")) return undefined;
  return url.pathname + url.search + url.hash;
}
