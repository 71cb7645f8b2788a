/**
 * The requests of the fuzz run: right ones with wrong parts, and bytes that are
 * hardly HTTP.
 *
 * `~name~` stands for what only the run knows, `~name!~` for the same percent-encoded.
 */
import fc from "fast-check";

/** A request that every HTTP parser understands. */
export interface FuzzRequest {
  readonly endpoint: string;
  readonly method: string;
  readonly target: string;
  readonly lines: readonly string[];
  readonly body: string;
  readonly isChunked: boolean;
}

interface Endpoint {
  readonly path: string;
  readonly methods: readonly string[];
  readonly names: readonly string[];
  /** What gets far, once its gaps (`*`) are filled. */
  readonly plausible: readonly string[];
}

function endpoint(
  path: string,
  methods: string,
  names: string,
  ...plausible: string[]
): Endpoint {
  return {
    path,
    methods: methods.split(" "),
    names: names.split(" "),
    plausible,
  };
}

/** Where the requests go, and what these addresses know. */
export const ENDPOINTS: readonly Endpoint[] = [
  endpoint(
    "/callback",
    "GET POST",
    "state code iss error error_description session_state parked_response",
    "state=~state~&iss=~issuer!~&session_state=*&code=*",
    "state=~state~&iss=~issuer!~&error=*&error_description=*",
  ),
  endpoint(
    "/login",
    "GET",
    "return_to acr_values max_age login_hint ui_locales prompt",
    "return_to=/*&login_hint=*",
  ),
  endpoint(
    "/initiate-login",
    "GET POST",
    "iss login_hint target_link_uri",
    "iss=~issuer!~&login_hint=*&target_link_uri=~app!~/*",
  ),
  endpoint(
    "/logout",
    "GET POST",
    "post_logout_redirect_uri id_token_hint",
    "post_logout_redirect_uri=*&id_token_hint=~idToken!~",
  ),
  endpoint(
    "/logged-out",
    "GET",
    "state post_logout_redirect_uri",
    "state=*&return_to=*",
  ),
  endpoint(
    "/backchannel-logout",
    "POST",
    "logout_token",
    "logout_token=~logoutToken!~&x=*",
  ),
  endpoint(
    "/frontchannel-logout",
    "GET",
    "iss sid",
    "iss=~issuer!~&sid=~sid!~&x=*",
  ),
  endpoint("/check-session", "GET", "state", "x=*"),
  endpoint("/session", "GET HEAD", "state", "x=*"),
  endpoint("/session/events", "GET", "state", "x=*"),
];

const FORM = "application/x-www-form-urlencoded";

const METHODS =
  "GET POST HEAD PUT PATCH DELETE OPTIONS TRACE PROPFIND SEARCH".split(" ");

/** Values that are right somewhere. */
const right = fc.constantFrom(
  ...["~state~", "~issuer~", "~sid~", "~logoutToken~", "~idToken~"],
  ...["/orders?page=2", "~app~/orders", "alice", "a code", "0", "60", "none"],
  ...["login", "access_denied", "server_error", "temporarily_unavailable"],
);

const tricky = fc.constantFrom(
  ...["~mark~", "~mark~", "~mark~", "/~mark~", "/?x=~mark~", "/#~mark~"],
  ...["https://evil.example/~mark~", "//evil.example", "javascript:~mark~"],
  ...["", " ", "\0", "\r\n", "%", "%00", "%0d%0a", "+", "null", "-1", "1e9"],
  ...[
    "/\r\nX-Injected: ~token~",
    "/\nSet-Cookie: injected=~token~",
    "\ud83d\ude00",
  ],
  ...["__proto__", "constructor", '{"a":1}', "[]", "e30.e30.", "e30.e30.e30"],
  ...["x".repeat(300), "~mark~".repeat(40), `/${"x".repeat(2100)}`],
);

const value = fc.oneof(
  { weight: 4, arbitrary: right },
  { weight: 5, arbitrary: tricky },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 12 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
);

const oddName = fc.constantFrom(
  ..."__proto__ constructor toString state[] code[0] iss[x] ~mark~ %00 = state".split(
    " ",
  ),
);

const headerValue = fc.oneof(
  fc.constantFrom(
    ...["~mark~", "~app~", "https://evil.example", "null", "none", "*", ""],
    ...["same-origin", "cross-site", "navigate", "cors", "text/html", "1"],
    ...["bytes=0-1", "gzip", "application/json", 'W/"0"', "evil.example"],
  ),
  fc.string({
    unit: fc
      .integer({ min: 0x21, max: 0xff })
      .map((code) => (code === 0x7f ? "x" : String.fromCharCode(code))),
    maxLength: 10,
  }),
);

const header = fc
  .tuple(
    fc.constantFrom(
      ..."Accept Accept-Language Authorization If-None-Match Origin Range Referer Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site X-CSRF-Protection X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-HTTP-Method-Override X-Parsed Via Purpose Sec-Purpose DPoP Content-Encoding Prefer ~token~".split(
        " ",
      ),
    ),
    headerValue,
  )
  .map((parts) => parts.join(": "));

/** As browsers and fetches say what they are; else most requests would be refused for that alone. */
const usual = fc.constantFrom(
  ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: same-origin"],
  ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: cross-site"],
  ["Sec-Fetch-Mode: cors", "Sec-Fetch-Site: same-origin"],
  ["Accept: text/html"],
  ["Accept: application/json"],
  ["X-Parsed: 1"],
  [],
);

const cookie = fc.oneof(
  { weight: 3, arbitrary: fc.constant("session=~session~") },
  { weight: 3, arbitrary: fc.constant("~transaction~") },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...["session=~session~x", 'session="~session~"', "session=~gone~"],
      ...["session=s%3A~token~.~mark~", "session=~mark~", "session=j%3A%7B%7D"],
      ...[
        "session=",
        "session",
        "=",
        ";",
        "session-login-~token~=~mark~",
        "a=%E0%A4%A",
      ],
      ...[
        "session-sign-in-attempts=~mark~",
        "session-sign-in-attempts=~token~.0.a.b.c.d",
        "__proto__=~mark~",
        "constructor=1",
        "session-login-(~token~)=1",
        "x=y".repeat(99),
      ],
      Array.from(
        { length: 12 },
        (_, at) => `session-login-${String(at)}~token~=1`,
      ).join("; "),
      Array.from(
        { length: 12 },
        (_, at) => `session-login-${String(at)} "\u00e9=1`,
      ).join("; "),
    ),
  },
);

const contentType = fc.oneof(
  { weight: 6, arbitrary: fc.constant(FORM) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...[
        "application/json",
        "text/plain",
        "~mark~",
        "",
        "multipart/form-data",
      ],
      ...[`${FORM}; charset=utf-8`, `${FORM}; charset=~mark~`, `${FORM}; x`],
      ...[
        `${FORM}; charset=utf-16`,
        `${FORM.toUpperCase()};charset="iso-8859-1"`,
      ],
    ),
  },
);

/** Any of the requests. */
export const request: fc.Arbitrary<FuzzRequest> = fc
  .constantFrom(...ENDPOINTS)
  .chain(({ path, methods, names, plausible }) => {
    const pair = fc.tuple(
      fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...names) },
        { weight: 1, arbitrary: oddName },
      ),
      value,
      fc.boolean(),
    );
    const pairs = fc.oneof(
      {
        weight: 2,
        arbitrary: fc
          .array(pair, { maxLength: 4 })
          .map((all) => all.map(written).join("&")),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.constantFrom(...plausible), value)
          .map(([text, gap]) => text.replaceAll("*", () => encoded(gap))),
      },
    );
    const body = fc.oneof(
      { weight: 6, arbitrary: pairs },
      { weight: 1, arbitrary: fc.json({ maxDepth: 2 }) },
      {
        weight: 1,
        arbitrary: fc
          .dictionary(fc.constantFrom(...names, "__proto__"), value)
          .map((object) => JSON.stringify(object)),
      },
      { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          "",
          `state=${"x".repeat(17_000)}`,
          "a=~mark~&".repeat(80),
        ),
      },
    );
    return fc.record({
      endpoint: fc.constant(path),
      method: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(...methods) },
        { weight: 1, arbitrary: fc.constantFrom(...METHODS) },
      ),
      target: pairs.map((query) => (query === "" ? path : `${path}?${query}`)),
      usual,
      headers: fc.array(header, { maxLength: 3 }),
      cookies: fc.array(cookie, { maxLength: 4 }),
      contentType,
      body,
      isChunked: fc.boolean(),
    });
  })
  .map(
    ({ usual: first, headers, cookies, contentType: type, body, ...rest }) => {
      const hasBody = rest.method !== "GET" && rest.method !== "HEAD";
      // A live login's stream of events would never end.
      const own = cookies.map((one) =>
        rest.endpoint === "/session/events"
          ? one.replaceAll("~session~", "~gone~")
          : one,
      );
      return {
        ...rest,
        body: hasBody ? body : "",
        lines: [
          ...first,
          ...headers,
          ...(own.length > 0 ? [`Cookie: ${own.join("; ")}`] : []),
          ...(hasBody ? [`Content-Type: ${type}`] : []),
        ],
      };
    },
  );

function written([name, text, isEncoded]: [string, string, boolean]): string {
  return isEncoded
    ? `${encoded(name)}=${encoded(text)}`
    : `${bytes(name)}=${bytes(text)}`;
}

function encoded(text: string): string {
  return encodeURIComponent(wellFormed(text)).replace(
    /~(?<name>[A-Za-z]+)~/g,
    (_all, name: string) => `~${name}!~`,
  );
}

/** Half of a surrogate pair alone cannot be encoded. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

/** As it is, but for what would end the address. */
function bytes(text: string): string {
  return (
    Buffer.from(text)
      .toString("latin1")
      // eslint-disable-next-line no-control-regex
      .replace(/[\x00-\x20\x7f-\xff#]/g, (char) => encodeURIComponent(char))
  );
}

const OK_LINES = [
  "Accept: text/html",
  "Sec-Fetch-Mode: navigate",
  "Cookie: session=~gone~",
  "Cookie: session=~mark~",
  "Cookie: a=b\r\nCookie: session=~gone~",
  "Host: ~mark~",
  "Host: a\r\nHost: b",
  "Connection: keep-alive, ~mark~",
  "Expect: ~mark~",
  "X: \xff\xfe\x80~mark~",
  "X-Forwarded-Host: ~mark~",
  "Origin: ~mark~",
  `X: ${"y".repeat(6_000)}`,
  Array.from({ length: 90 }, (_, at) => `X-${String(at)}: ~mark~`).join("\r\n"),
  "Content-Length: 0",
  "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Mode: cors",
];

const BAD_LINES = [
  "no colon ~mark~",
  ": ~mark~",
  "X : ~mark~",
  " X: ~mark~",
  "X: a\r\n ~mark~",
  "X: a\0~mark~",
  "X: a\rX-Injected: ~token~",
  "X: a\nX-Injected: ~token~",
  "X(~mark~): 1",
  "\u00e9: 1",
  "Content-Length: -1",
  "Content-Length: 1x",
  "Content-Length: ~mark~",
  "Content-Length: 3\r\nContent-Length: 4",
  "Content-Length: 99999999999999999999",
  "Content-Length: 5\r\nTransfer-Encoding: chunked",
  "Transfer-Encoding: chunked, ~mark~",
  "Transfer-Encoding: gzip",
  "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
  `X: ${"~mark~".repeat(1_000)}`,
  `X: ${"y".repeat(17_000)}`,
];

const BAD_BYTES = [
  "POST /callback HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\na=b",
  "\r\n\r\n\r\n\r\n\r\nGET",
  "GET /login\r\n\r\n",
  "GET  /login HTTP/1.1\r\n\r\n",
  "GET /login HTTP/1.1 x\r\n\r\n",
  "GET /login HTTP/9.9\r\n\r\n",
  "GET /login http/1.1\r\n\r\n",
  "GET /login\tHTTP/1.1\r\n\r\n",
  "GET /lo\0gin?~mark~ HTTP/1.1\r\n\r\n",
  "GET /login?~mark~ x HTTP/1.1\r\n\r\n",
  "get /login HTTP/1.1\r\n\r\n",
  "~token~ /login HTTP/1.1\r\n\r\n",
  "GET ~mark~ HTTP/1.1\r\n\r\n",
  "GET /login?\xff\xfe\xc0\xaf=~mark~ HTTP/1.1\r\n\r\n",
  "GET http://[::1/login HTTP/1.1\r\n\r\n",
  "CONNECT ~host~ HTTP/1.1\r\nHost: x\r\n\r\n",
  "CONNECT /login HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET /session HTTP/1.1\r\nHost: x\r\nUpgrade: ~mark~\r\nConnection: Upgrade, close\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03~mark~\r\n\r\n",
  "GET /login HTTP/1.1\nHost: x\n\n",
  "GET /login HTTP/1.1\rHost: x\r\r",
  "POST /callback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nz~mark~\r\n",
  'POST /callback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;x="~mark~\r\na=b\r\n0\r\n\r\n',
  "POST /callback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\nContent-Length: 3\r\n\r\n",
  "POST /callback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n",
  "POST /callback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n",
  "POST /callback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx",
];

/** The first ones lead to the endpoint, and are taken most of the time. */
const TARGETS = [
  "~path~?~mark~",
  "~path~?state=~mark~&code=~mark~&iss=~mark~",
  "~path~?return_to=/~mark~&target_link_uri=~app~/~mark~",
  "~path~?%~mark~%zz=%",
  "http://~host~~path~?~mark~",
  "~path~??&&==",
  "~path~/",
  "~path~//",
  "~path~;~mark~",
  "~path~%00",
  "~path~/..",
  "/~path~",
  "/.~path~",
  "/~mark~",
  "http://evil.example~path~",
  "HTTP://evil.example:80~path~",
  "*",
];

/** A body that is written in chunks, as they may be. */
const CHUNKED = [
  "0\r\n\r\n",
  "5\r\na=b&c\r\n0\r\n\r\n",
  "000003;x=1\r\na=b\r\n0\r\nX-Injected: ~token~\r\n\r\n",
  "3;x\r\na=b\r\n0\r\nHost: ~mark~\r\n\r\n",
];

const oddRequest = fc
  .record({
    method: fc.constantFrom("GET", "GET", "POST", "POST", "PUT", "OPTIONS"),
    path: fc.constantFrom(...ENDPOINTS.map(({ path }) => path)),
    target: fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom(...TARGETS.slice(0, 6)) },
      { weight: 1, arbitrary: fc.constantFrom(...TARGETS) },
    ),
    version: fc.constantFrom(
      "1.1",
      "1.1",
      "1.1",
      "1.1",
      "1.1",
      "1.1",
      "1.1",
      "1.0",
    ),
    lines: fc.array(fc.constantFrom(...OK_LINES), { maxLength: 3 }),
    chunked: fc.option(fc.constantFrom(...CHUNKED), { freq: 3 }),
  })
  .map(({ method, path, target, version, lines, chunked }) => {
    const body =
      method === "GET" || lines.some((line) => line.startsWith("Content-"))
        ? undefined
        : (chunked ?? undefined);
    return [
      `${method} ${target.replace("~path~", path)} HTTP/${version}`,
      ...(version === "1.1" ? ["Host: ~host~"] : ["Connection: keep-alive"]),
      ...lines,
      ...(body === undefined
        ? []
        : [`Content-Type: ${FORM}`, "Transfer-Encoding: chunked"]),
      `\r\n${body ?? ""}`,
    ].join("\r\n");
  });

const broken = fc.oneof(
  fc.constantFrom(...BAD_BYTES),
  fc
    .tuple(fc.constantFrom(...BAD_LINES), fc.constantFrom(...ENDPOINTS))
    .map(
      ([line, { path }]) =>
        `POST ${path} HTTP/1.1\r\nHost: x\r\n${line}\r\n\r\n${"0\r\n\r\n".repeat(4)}`,
    ),
  fc
    .tuple(oddRequest, fc.nat({ max: 400 }), fc.integer({ min: 0, max: 255 }))
    .map(
      ([text, at, code]) =>
        text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1),
    ),
);

/** What is written to one connection: requests that are odd, and then what ends it. */
export interface FuzzConnection {
  readonly requests: readonly string[];
  readonly end: string;
}

/** Any of the connections. */
export const connection: fc.Arbitrary<FuzzConnection> = fc.record({
  requests: fc.array(oddRequest, { minLength: 8, maxLength: 24 }),
  end: broken.map(
    (text) =>
      `${text}\r\n\r\nGET /session HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  ),
});
