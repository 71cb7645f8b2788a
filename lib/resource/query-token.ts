/** Whether a query holds an access token of its own. */

// As servers read names: in any case, with what PHP makes an underscore of, and
// as the name of a list. `+` is a space by now.
const ACCESS_TOKEN = /^[\s\0]*access[_.\s[]token[\s\0]*(?:$|[[.])/i;

/** Most times that a name is decoded; no server does so more often. */
const MAX_ROUNDS = 4;

/**
 * Whether one of the names is `access_token`, in whatever spelling. A request
 * with two tokens is refused, or is somebody else's (RFC 6750 2, 2.3).
 *
 * @param query with or without its question mark
 */
export function hasAccessToken(query: string): boolean {
  // A name that is spelt plainly holds the word, and any other a percent sign.
  if (!/token|%/i.test(query)) return false;
  return query
    .split(/[?&;]/)
    .some((pair) => ACCESS_TOKEN.test(nameOf(pair.split("=", 1)[0] ?? "")));
}

function nameOf(encoded: string): string {
  let name = encoded.replaceAll("+", " ");
  for (let round = 0; round < MAX_ROUNDS && name.includes("%"); round++) {
    name = name.replace(/%(?:u00)?([0-9a-f]{2})/gi, (_all, hex: string) =>
      String.fromCharCode(parseInt(hex, 16)),
    );
  }
  // Bytes by now: what is not ASCII is read as UTF-8, so that it can be normalised.
  return Buffer.from(name, "latin1").toString().normalize("NFKC");
}
