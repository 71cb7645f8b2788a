/** Cuts out of a provider's words what we sent it in confidence. */

/** What is no secret although we send it (RFC 6749, RFC 7009, RFC 8693, RFC 8707, RFC 9126, Core 3.1.2.1). */
const PUBLIC_PARAMETERS = new Set([
  "acr_values",
  "audience",
  "claims",
  "client_assertion_type",
  "client_id",
  "code_challenge",
  "code_challenge_method",
  "display",
  "grant_type",
  "max_age",
  "prompt",
  "redirect_uri",
  "requested_token_type",
  "resource",
  "response_mode",
  "response_type",
  "scope",
  "subject_token_type",
  "token_type_hint",
  "ui_locales",
]);

const PUBLIC_HEADERS = new Set([
  "accept",
  "content-type",
  "traceparent",
  "tracestate",
  "user-agent",
]);

/** Shorter texts are no secrets, and cutting them would spoil every message. Characters. */
const SHORTEST = 4;

/** A piece of a secret is cut too, from this length. Characters. */
const PIECE = 12;

/** Longer texts are not looked through but cut off. Characters. */
const LONGEST_TEXT = 16 * 1024;

/** What stands in the place of what was cut out. */
export const CUT = "[cut]";

/** The values of a request that nobody else may see: whatever is not known to be public. */
export function secretsSent(
  headers: Headers | Readonly<Record<string, string>>,
  body: unknown,
): readonly string[] {
  const inHeaders = [...new Headers(headers)]
    .filter(([name]) => !PUBLIC_HEADERS.has(name))
    .flatMap(([, value]) => credentialsIn(value));
  const parameters =
    typeof body === "string" || body instanceof URLSearchParams
      ? [...new URLSearchParams(body)]
      : [];
  const inBody = parameters
    .filter(([name]) => !PUBLIC_PARAMETERS.has(name))
    .map(([, value]) => value);
  return [...inHeaders, ...inBody];
}

/** The text without these secrets, without pieces of them, and without their encoded spellings. */
export function withoutSecrets(
  text: string,
  secrets: readonly string[],
): string {
  const searched = text.slice(0, LONGEST_TEXT);
  const pieces = piecesOf(secrets.filter(({ length }) => length >= SHORTEST));
  const isCut = new Uint8Array(searched.length);
  for (const [length, ofLength] of pieces) {
    for (let start = 0; start + length <= searched.length; start++) {
      if (ofLength.has(searched.slice(start, start + length))) {
        isCut.fill(1, start, start + length);
      }
    }
  }
  let result = "";
  for (let index = 0; index < searched.length; index++) {
    if (isCut[index] === 0) result += searched.charAt(index);
    else if (index === 0 || isCut[index - 1] === 0) result += CUT;
  }
  return result;
}

/** By their length: every piece of the secrets that is searched for. */
function piecesOf(
  secrets: readonly string[],
): ReadonlyMap<number, ReadonlySet<string>> {
  const pieces = new Map<number, Set<string>>();
  for (const spelling of new Set(secrets.flatMap(spellingsOf))) {
    const length = Math.min(PIECE, spelling.length);
    const ofLength = pieces.get(length) ?? new Set();
    pieces.set(length, ofLength);
    for (let start = 0; start + length <= spelling.length; start++) {
      ofLength.add(spelling.slice(start, start + length));
    }
  }
  return pieces;
}

/** How a text may come back: as it is, or encoded for a URL, a form, JSON, a header. */
function spellingsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const percent = encodeURIComponent(secret);
  const form = new URLSearchParams([["", secret]]).toString().slice(1);
  return [
    secret,
    percent,
    percent.replace(/%../g, (escape) => escape.toLowerCase()),
    form,
    form.replace(/%../g, (escape) => escape.toLowerCase()),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString("base64"),
    bytes.toString("base64url"),
    bytes.toString("hex"),
  ];
}

/** A header's value, its credentials alone, and the password of Basic ones (RFC 6749 2.3.1). */
function credentialsIn(value: string): readonly string[] {
  const [, scheme = "", credentials = value] =
    /^(\S+) +(.+)$/.exec(value) ?? [];
  if (scheme.toLowerCase() !== "basic") return [credentials];
  const pair = Buffer.from(credentials, "base64").toString();
  const password = pair.slice(pair.indexOf(":") + 1);
  return [
    credentials,
    password,
    new URLSearchParams(`=${password}`).get("") ?? "",
  ];
}
