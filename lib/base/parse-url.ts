/** A URL from a text that may be none. */

/**
 * The parsed URL; undefined for a text that is none.
 *
 * Not `URL.canParse`: in Node 20 it refuses letters beyond ASCII in a host once
 * V8 has optimised it.
 */
export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** The same for a text that may be relative to another URL. */
export function resolvedUrl(text: string, base: string): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
