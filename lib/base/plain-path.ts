/** Which paths a browser, Express and a resource server read in the same way. */

/** What a resource server's paths may hold although servers read it differently. */
export interface PathAllowances {
  readonly allowSemicolonsInPaths: boolean;
  readonly allowEncodedSlashesInPaths: boolean;
}

// What nearly every path is: plain segments, none of which ends with a dot.
const SIMPLE =
  /^(?:\/[A-Za-z0-9\-._~!$&'()*+,=:@]*[A-Za-z0-9\-_~!$&'()*+,=:@])*\/?$/;

/**
 * Why a path, in the form in which it is sent, could lead elsewhere than a
 * guard before it has seen; undefined where all read it in the same way.
 */
export function pathProblem(
  path: string,
  allowances: PathAllowances,
): string | undefined {
  if (SIMPLE.test(path)) return undefined;
  // The first one is empty, and the last one behind a slash at the end.
  const segments = path.replace(/\/$/, "").split("/").slice(1);
  for (const segment of segments) {
    const problem = segmentProblem(segment, allowances);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** The segments of a path in one form, however it is encoded; none for `/`. */
export function segmentsOf(path: string): readonly string[] {
  return path
    .replace(/\/$/, "")
    .split("/")
    .slice(1)
    .map((segment) => decodeUtf8(segment) ?? segment);
}

/** The same as servers read them that ignore case, parameters and the encoding of slashes. */
export function laxSegmentsOf(path: string): readonly string[] {
  return segmentsOf(path)
    .join("/")
    .toLowerCase()
    .split("/")
    .map((segment) => segment.replace(/;.*/s, ""))
    .filter((segment) => segment !== "");
}

function segmentProblem(
  segment: string,
  { allowSemicolonsInPaths, allowEncodedSlashesInPaths }: PathAllowances,
): string | undefined {
  if (segment === "") return "an empty segment";
  const parts = allowEncodedSlashesInPaths ? segment.split(/%2f/i) : [segment];
  for (const part of parts) {
    const [name, ...parameters] = allowSemicolonsInPaths
      ? part.split(/;|%3b/i)
      : [part];
    // A server that drops parameters would be left with an empty segment.
    if (name === "" && parameters.length > 0) return "a nameless segment";
    for (const text of [name ?? "", ...parameters]) {
      const problem = textProblem(text);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

/** What is told of each; a remedy where there is one. */
const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [
    /;|%3b/i,
    "a semicolon, behind which some servers read parameters; the resource server's option allowSemicolonsInPaths allows it",
  ],
  [
    /%2f/i,
    "an encoded slash, which some servers read as a slash; the resource server's option allowEncodedSlashesInPaths allows it",
  ],
  // RFC 3986 2.3: never needed, and Express compares it letter by letter.
  [
    /%(?:[46][1-9a-f]|[57][0-9a]|3[0-9]|2[de]|5f|7e)/i,
    "an encoded letter, digit, dot, hyphen, underscore or tilde",
  ],
  // Decoders disagree about a percent sign that encodes nothing, and some decode twice.
  [
    /%(?:2[35]|3f|5c|[01][0-9a-f]|7f|(?![0-9a-f]{2}))|\\/i,
    "a backslash, or an encoded percent sign, question mark, number sign or control character",
  ],
];

/** Characters that have no shape of their own: some servers drop them (UAX 31, UAX 44). */
const IGNORED = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu;

/** Separators that some servers only see after they have normalised a path. */
const SEPARATORS = /[/\\\p{Cc}\p{Zl}\p{Zp}]/u;

/** What becomes a slash or a backslash in a code page of Windows, and is not normalised. */
const SLASH_LIKE = /[\u2044\u2215\u2216]/;

const ASCII = /^\p{ASCII}*$/u;

function textProblem(text: string): string | undefined {
  const forbidden = FORBIDDEN.find(([pattern]) => pattern.test(text));
  if (forbidden !== undefined) return forbidden[1];
  const decoded = decodeUtf8(text);
  // An overlong dot or slash is one to lax decoders only.
  if (decoded === undefined) return "encoded bytes that are no UTF-8";
  const read = asLaxServersRead(decoded);
  if (/^\s|[\s.]$/u.test(read)) {
    return "a segment that ends with a dot, or begins or ends with a space";
  }
  if (SEPARATORS.test(read) || SLASH_LIKE.test(decoded)) {
    return "characters that some servers read as separators or control characters";
  }
  const [name = ""] = read.split(/[;?#]/);
  return ASCII.test(name) && !ASCII.test(decoded)
    ? "characters that some servers read as ASCII, such as fullwidth or invisible ones"
    : undefined;
}

/** Without what is invisible, and with compatibility characters as those that they stand for (NFKC). */
function asLaxServersRead(text: string): string {
  if (ASCII.test(text)) return text;
  return text.replace(IGNORED, "").normalize("NFKC").replace(IGNORED, "");
}

function decodeUtf8(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
