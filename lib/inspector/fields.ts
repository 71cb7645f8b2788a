/** Messages in fields: each with what it is for, and without secrets. */
import { parse } from "cookie";
import { resolvedUrl } from "../base/parse-url.js";
import { HEADERS, PARAMETERS, type Explanation } from "./explanations.js";
import { inWords, scrubbed, type Hide } from "./hide.js";
import type { DecodedToken, Field } from "./model.js";

/** Fields of a message, made without its secrets. */
export interface Fields {
  /** Of a query, or of a form. */
  readonly ofParameters: (
    parameters: URLSearchParams,
    where: "query" | "form",
  ) => Field[];
  readonly ofHeaders: (
    headers: Iterable<readonly [string, unknown]>,
  ) => Field[];
  /** Of a JSON object; `isPublic`: it holds no secrets but what its names say. */
  readonly ofJson: (body: string, isPublic: boolean) => Field[];
  /** An address, with words in the place of secrets. */
  readonly address: (url: URL, base?: string) => string;
  readonly decoded: (
    kind: DecodedToken["kind"],
    jwt: string,
  ) => DecodedToken | undefined;
}

/** Most fields of one message. */
const MAX_FIELDS = 100;

/** Longer tokens are not decoded. */
const MAX_JWT_CHARACTERS = 64 * 1024;

/** Claims that are secrets, or by which a secret could be used. */
const HIDDEN_CLAIMS = new Set(["nonce", "sid", "jti", "at_hash", "c_hash"]);

/** Makes a field. */
type MakeField = (
  name: string,
  value: string,
  where: Field["in"],
  explanation?: Partial<Explanation>,
) => Field;

/** Creates them. */
export function createFields(hide: Hide): Fields {
  const field: MakeField = (
    name,
    value,
    where,
    { isPublic = false, isAddress = false, text, specification } = {},
  ) => ({
    name: scrubbed(name),
    value: isAddress
      ? withoutQuery(value, hide)
      : isPublic
        ? scrubbed(value)
        : hide(value),
    in: where,
    ...(text !== undefined && { text }),
    ...(specification !== undefined && { specification }),
  });
  const ofParameters: Fields["ofParameters"] = (parameters, where) =>
    [...parameters].slice(0, MAX_FIELDS).map(([name, value]) => {
      const known = own(PARAMETERS, name);
      // A query without names is a value: /unsubscribe?s3cret.
      const isBare = value === "" && known === undefined;
      const shown = isBare ? inWords(hide(name)) : name;
      return field(shown, value, where, known);
    });
  const address: Fields["address"] = (url, base = "") => {
    const query = ofParameters(url.searchParams, "query").map(
      ({ name, value }) =>
        `${name}=${typeof value === "string" ? value : inWords(value)}`,
    );
    const origin = url.origin === base ? "" : url.origin;
    const path = scrubbed(url.pathname);
    return `${origin}${path}${query.length === 0 ? "" : `?${query.join("&")}`}`;
  };
  const ofHeader = createHeaderFields(field, address);

  return {
    ofParameters,
    address,
    ofHeaders: (headers) =>
      [...headers].flatMap(([name, value]) =>
        [value]
          .flat()
          .flatMap((one) => ofHeader(name.toLowerCase(), String(one))),
      ),
    ofJson: (body, isPublic) =>
      Object.entries(objectIn(body))
        .slice(0, MAX_FIELDS)
        .map(([name, value]) => {
          const known = own(PARAMETERS, name);
          return field(name, textOf(name, value), "json", {
            ...known,
            isPublic: known?.isPublic ?? (isPublic && !isSecret(name)),
          });
        }),
    decoded: (kind, jwt) => decodedToken(kind, jwt, hide),
  };
}

/** Fields of one header; none where it is not worth to be seen. */
function createHeaderFields(
  field: MakeField,
  address: Fields["address"],
): (name: string, value: string) => Field[] {
  return function ofHeader(name, value) {
    if (name === "cookie") {
      return Object.entries(parse(value)).map(([cookie, secret = ""]) =>
        field(cookie, secret, "cookie"),
      );
    }
    if (name === "set-cookie") {
      const [pair = "", ...attributes] = value.split(/; */);
      const [cookie = "", ...secret] = pair.split("=");
      const text = attributes.join("; ");
      return [field(cookie, secret.join("="), "cookie", { text })];
    }
    const explanation = own(HEADERS, name);
    if (explanation === undefined) return [];
    if (name === "authorization") {
      const [scheme = "", ...credentials] = value.split(" ");
      const text = `${explanation.text} Scheme: ${scrubbed(scheme)}.`;
      const more = { ...explanation, text };
      return [field(name, credentials.join(" "), "header", more)];
    }
    if (name !== "location" && name !== "refresh") {
      return [field(name, value, "header", explanation)];
    }
    const target = value.replace(/^\d+; *url=/i, "");
    const url = resolvedUrl(target, ANYWHERE);
    if (url === undefined) {
      const { text } = explanation;
      return [field(name, target, "header", { text, isPublic: false })];
    }
    const shown = address(url, ANYWHERE);
    return [{ ...field(name, "", "header", explanation), value: shown }];
  };
}

function decodedToken(
  kind: DecodedToken["kind"],
  jwt: string,
  hide: Hide,
): DecodedToken | undefined {
  if (jwt.length > MAX_JWT_CHARACTERS) return undefined;
  const [header, claims] = jwt.split(".", 2).map(decodedPart);
  if (header === undefined || claims === undefined) return undefined;
  const shown = Object.entries(claims).map(([name, value]) => [
    scrubbed(name),
    HIDDEN_CLAIMS.has(name)
      ? hide(typeof value === "string" ? value : JSON.stringify(value))
      : withoutTokens(name, value),
  ]);
  return {
    kind,
    header: withoutTokens("", header) as DecodedToken["header"],
    claims: Object.fromEntries(shown) as DecodedToken["claims"],
  };
}

/** What a relative address is resolved against; it is not shown. */
const ANYWHERE = "http://application.invalid";

/** Not what every object has, such as `constructor`. */
function own(
  table: Readonly<Record<string, Explanation>>,
  name: string,
): Explanation | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}

function decodedPart(part: string): Record<string, unknown> | undefined {
  const text = Buffer.from(part, "base64url").toString();
  const value = objectIn(text);
  return Object.keys(value).length === 0 ? undefined : value;
}

/** Claims say who the user is, and to him they may be shown; a token in one of them may not. */
function withoutTokens(name: string, value: unknown): unknown {
  if (isSecret(name)) return "[cut]";
  return JSON.parse(JSON.stringify(value, cutSecret)) as unknown;
}

/** A member in one text. */
function textOf(name: string, value: unknown): string {
  // What is hidden as a whole keeps its fingerprint.
  if (typeof value === "string") return value;
  return JSON.stringify(value, isSecret(name) ? undefined : cutSecret);
}

/** For `JSON.stringify`: cuts tokens, and what is called a secret. */
function cutSecret(name: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  return isSecret(name) || TOKEN.test(value) ? "[cut]" : value;
}

/** Whether the name of a member says that its value is a secret; not where it only tells what is supported. */
function isSecret(name: string): boolean {
  return SECRET_NAME.test(name) && !ABOUT_SECRETS.test(name);
}

const SECRET_NAME =
  /token|secret|passw|assertion|verifier|credential|api_?key|^code$/i;
const ABOUT_SECRETS = /_endpoint|_supported$|_bound_/;

/** An address of somebody's: its path, and of its query and fragment only the names. */
function withoutQuery(value: string, hide: Hide): string {
  const [place = ""] = value.split(/[?#]/, 1);
  if (place === value) return scrubbed(value);
  const query = [...new URLSearchParams(value.slice(place.length + 1))];
  const shown = query
    .slice(0, MAX_FIELDS)
    .map(([name, one]) =>
      one === ""
        ? inWords(hide(name))
        : `${scrubbed(name)}=${inWords(hide(one))}`,
    );
  return `${scrubbed(place)}?${shown.join("&")}`;
}

/** A JWT in a text. */
const TOKEN = /eyJ[\w-]{10,}\.[\w-]{10,}/;
