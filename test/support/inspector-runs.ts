/** Runs as the inspector's server sends them: each kind of login, call and logout once. */
import type {
  Arrow,
  Check,
  Field,
  HiddenValue,
  Note,
  Run,
} from "../../lib/inspector/model.js";
import { MESSAGES, type MessageName } from "../../lib/telling/messages.js";

const AGENT =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
const NAMES = {
  browser: AGENT,
  app: "localhost:3000",
  provider: "auth.example.com",
} as const;
const ISSUER = "https://auth.example.com";
const CORE_REQUEST = "OpenID Connect Core 3.1.2.1";

/** Secrets of one login, under the names by which they are told apart. */
type Secret = (name: string, length?: number) => HiddenValue;

/** A value that is the same for the same name in the same run, and looks like a real one. */
function secretsOf(run: string): Secret {
  return (name, length = 43) => {
    let hash = 2166136261;
    for (const letter of `${run} ${name}`) {
      hash = Math.imul(hash ^ letter.charCodeAt(0), 16777619);
    }
    const fingerprint = (hash >>> 0).toString(16).padStart(8, "0");
    return { length, fingerprint };
  };
}

interface Step extends Partial<Omit<Arrow, "is" | "message">> {
  readonly message: MessageName;
  readonly label: string;
}

/** Numbers the items, and sets what follows from the message. */
function itemsOf(
  run: string,
  ...steps: readonly (Step | Omit<Note, "is" | "id">)[]
): (Arrow | Note)[] {
  let asked: string | undefined;
  return steps.map((step, index) => {
    const id = `${run}-${index + 1}`;
    if ("text" in step) return { is: "note", id, ...step };
    const { from, to } = MESSAGES[step.message];
    const isAnswer =
      step.direction === "response" &&
      step.message !== "authorization-response";
    const arrow: Arrow = {
      is: "arrow",
      id,
      direction: "request",
      at: 0,
      isSeen: true,
      fields: [],
      checks: [],
      ...(isAnswer ? { from: to, to: from } : { from, to }),
      ...(isAnswer && asked !== undefined && { answers: asked }),
      ...step,
    };
    if (arrow.direction === "request" && arrow.isSeen) asked = id;
    return arrow;
  });
}

function field(
  where: Field["in"],
  name: string,
  value: Field["value"],
  text?: string,
  specification?: string,
): Field {
  return {
    name,
    value,
    in: where,
    ...(text !== undefined && { text }),
    ...(specification !== undefined && { specification }),
  };
}

function passed(name: string, title: string, specification?: string): Check {
  return {
    name,
    title,
    result: "passed",
    ...(specification !== undefined && { specification }),
  };
}

function cookie(secret: Secret, name = "session"): Field {
  return field("cookie", "kit.sid", secret(name, 86));
}

/** A page that is asked for, and the way to the provider. */
function untilProvider(secret: Secret): Step[] {
  const redirectUri = "http://localhost:3000/callback";
  const query = [
    field(
      "query",
      "response_type",
      "code",
      "A code is to come back, not a token.",
      CORE_REQUEST,
    ),
    field(
      "query",
      "client_id",
      "shop",
      "What the provider calls this application.",
      "RFC 6749 2.2",
    ),
    field(
      "query",
      "redirect_uri",
      redirectUri,
      "Where the answer is to go: exactly as it is registered.",
      CORE_REQUEST,
    ),
    field(
      "query",
      "scope",
      "openid profile email offline_access",
      "What the application asks for.",
      CORE_REQUEST,
    ),
    field(
      "query",
      "state",
      secret("state"),
      "Comes back with the answer: ties it to this browser.",
      CORE_REQUEST,
    ),
    field(
      "query",
      "nonce",
      secret("nonce"),
      "Comes back in the ID Token, and ties it to this request.",
      CORE_REQUEST,
    ),
    field(
      "query",
      "code_challenge",
      secret("challenge"),
      "The hash of the code verifier, which stays on the server.",
      "RFC 7636 4.2",
    ),
    field(
      "query",
      "code_challenge_method",
      "S256",
      "How the hash is made: SHA-256.",
      "RFC 7636 4.3",
    ),
  ];
  const words = query
    .map(({ name, value }) =>
      typeof value === "string"
        ? `${name}=${value}`
        : `${name}=[${value.length} characters, ${value.fingerprint}]`,
    )
    .join("&");
  return [
    {
      message: "page-request",
      label: "GET /orders",
      method: "GET",
      url: "/orders",
      at: 0,
    },
    {
      ...{
        message: "page-request",
        direction: "response",
        status: 303,
        at: 3.2,
      },
      label: "303 to /login",
      fields: [
        field(
          "header",
          "location",
          "/login?return_to=/orders",
          "Where the browser goes next.",
        ),
      ],
    },
    {
      ...{
        message: "login-request",
        label: "GET /login",
        method: "GET",
        at: 9.5,
      },
      url: "/login?return_to=/orders",
      fields: [
        field("query", "return_to", "/orders", "Where the user wanted to go."),
      ],
    },
    {
      ...{
        message: "login-request",
        direction: "response",
        status: 303,
        at: 21.7,
      },
      label: "303 to auth.example.com/authorize",
      fields: [
        field(
          "header",
          "location",
          `${ISSUER}/authorize?${words}`,
          "Where the browser goes next.",
        ),
        field(
          "cookie",
          "kit.sid-login-1",
          secret("transaction", 43),
          "HttpOnly; SameSite=Lax; Path=/",
        ),
      ],
    },
    {
      ...{
        message: "authorization-request",
        method: "GET",
        isSeen: false,
        at: 21.8,
      },
      label: "GET auth.example.com/authorize",
      url: `${ISSUER}/authorize?${words}`,
      fields: query,
    },
  ];
}

const SIGNS_IN: Omit<Note, "is" | "id"> = {
  over: ["user", "browser", "provider"],
  text: "The user signs in and agrees at the Auth Server's own pages, or is known there already.",
  at: 6180.3,
};

/** The way back with a code, up to the Token Request. */
function backWithCode(secret: Secret): Step[] {
  const answer = [
    field(
      "query",
      "code",
      secret("code", 36),
      "Becomes tokens, once, for whoever has the code verifier.",
      "RFC 6749 4.1.2",
    ),
    field(
      "query",
      "state",
      secret("state"),
      "The one that was sent.",
      "RFC 6749 4.1.2",
    ),
    field("query", "iss", ISSUER, "Which provider answers.", "RFC 9207 2"),
  ];
  return [
    {
      ...{
        message: "authorization-response",
        direction: "response",
        isSeen: false,
      },
      ...{ label: "code and state", at: 6180.3, fields: answer },
    },
    {
      ...{
        message: "callback",
        label: "GET /callback",
        method: "GET",
        at: 6180.4,
      },
      url: "/callback?code=[36 characters]&state=[43 characters]",
      fields: [
        ...answer,
        field("cookie", "kit.sid-login-1", secret("transaction", 43)),
      ],
      checks: [
        passed(
          "state",
          "state is the one that this browser was sent with",
          "RFC 6749 10.12",
        ),
        passed(
          "iss",
          "the answer names the provider that was asked",
          "RFC 9207 2.4",
        ),
      ],
    },
    {
      ...{
        message: "token-request",
        label: "POST /token",
        method: "POST",
        at: 6186.1,
      },
      url: `${ISSUER}/token`,
      fields: [
        field(
          "form",
          "grant_type",
          "authorization_code",
          "What is exchanged for tokens.",
          "RFC 6749 4.1.3",
        ),
        field(
          "form",
          "code",
          secret("code", 36),
          "Becomes tokens, once.",
          "RFC 6749 4.1.3",
        ),
        field(
          "form",
          "code_verifier",
          secret("verifier"),
          "Proves that whoever brings the code has sent the request.",
          "RFC 7636 4.5",
        ),
        field(
          "form",
          "redirect_uri",
          "http://localhost:3000/callback",
          "The same as in the request.",
          "RFC 6749 4.1.3",
        ),
        field(
          "header",
          "authorization",
          secret("client", 58),
          "Proves who the application is. Scheme: Basic.",
          "RFC 6749 2.3.1",
        ),
      ],
    },
  ];
}

const TOKEN_CHECKS = [
  passed(
    "signature",
    "the signature is the provider's",
    "OpenID Connect Core 3.1.3.7 (6)",
  ),
  passed("iss", "iss is the provider", "OpenID Connect Core 3.1.3.7 (2)"),
  passed("aud", "aud contains client_id", "OpenID Connect Core 3.1.3.7 (3)"),
  passed("exp", "exp is not over", "OpenID Connect Core 3.1.3.7 (9)"),
];

function tokenAnswer(secret: Secret, nonce: HiddenValue, check: Check): Step {
  return {
    ...{ message: "token-request", direction: "response", status: 200 },
    ...{ label: "200", at: 6231.9 },
    fields: [
      field(
        "json",
        "access_token",
        secret("access", 812),
        "Opens resource servers for the user.",
        "RFC 6749 1.4",
      ),
      field(
        "json",
        "token_type",
        "Bearer",
        "How the access token is shown.",
        "RFC 6749 7.1",
      ),
      field(
        "json",
        "expires_in",
        "300",
        "How long the access token lives, in seconds.",
        "RFC 6749 5.1",
      ),
      field(
        "json",
        "refresh_token",
        secret("refresh", 43),
        "Brings new access tokens.",
        "RFC 6749 1.5",
      ),
      field(
        "json",
        "id_token",
        secret("id", 934),
        "Who has signed in, signed by the provider. Decoded above.",
        "OpenID Connect Core 2",
      ),
    ],
    token: {
      kind: "ID Token",
      header: { alg: "RS256", kid: "2026-11" },
      claims: {
        iss: ISSUER,
        sub: "alice",
        aud: ["shop"],
        exp: 1795910700,
        iat: 1795910400,
        auth_time: 1795910394,
        nonce,
        name: "Alice <b>Example</b>",
        email: "alice@example.com",
        roles: ["admin", "user"],
      },
    },
    checks: [...TOKEN_CHECKS, check],
  };
}

const NONCE = "OpenID Connect Core 3.1.3.7 (11)";

/** A guard sends the user to sign in, and back to where he wanted to go. */
export function loginRun(
  id = "run-1",
  startedAt = "2026-11-29T12:00:00.000Z",
): Run {
  const secret = secretsOf(id);
  return {
    ...{ id, kind: "login", title: "Login of alice", browser: 1, startedAt },
    state: "done",
    login: { id: "login-1", subject: "alice" },
    names: NAMES,
    items: itemsOf(
      id,
      ...untilProvider(secret),
      SIGNS_IN,
      ...backWithCode(secret),
      tokenAnswer(
        secret,
        secret("nonce"),
        passed("nonce", "nonce is the one that was sent", NONCE),
      ),
      {
        message: "keys",
        label: "GET /jwks",
        method: "GET",
        url: `${ISSUER}/jwks`,
        at: 6233,
      },
      {
        message: "keys",
        direction: "response",
        status: 200,
        label: "200",
        at: 6241.5,
      },
      {
        over: ["app"],
        text: "Alice is signed in: a new session begins.",
        event: "login.succeeded",
        at: 6250.2,
      },
      {
        ...{
          message: "callback",
          direction: "response",
          status: 303,
          at: 6252.8,
        },
        label: "303 to /orders",
        answers: `${id}-8`,
        fields: [
          field(
            "header",
            "location",
            "/orders",
            "Where the browser goes next.",
          ),
          field(
            "cookie",
            "kit.sid",
            secret("session", 86),
            "HttpOnly; SameSite=Lax; Path=/",
          ),
        ],
      },
      {
        message: "page-request",
        label: "GET /orders",
        method: "GET",
        url: "/orders",
        at: 6258.1,
        fields: [cookie(secret)],
      },
      {
        message: "page-request",
        direction: "response",
        status: 200,
        label: "200",
        at: 6262.4,
      },
    ),
  };
}

/** The nonce in the ID Token is that of another login. */
export function wrongNonceRun(id = "run-5"): Run {
  const secret = secretsOf(id);
  const diagnosis =
    'unexpected ID Token "nonce" claim value: it belongs to another request';
  return {
    ...{ id, kind: "login", title: "Login", browser: 1, state: "failed" },
    startedAt: "2026-11-29T12:05:00.000Z",
    names: NAMES,
    failure: {
      code: "ERR_ID_TOKEN_INVALID",
      title: "The sign-in could not be verified",
      cause:
        "The ID Token is not what was asked for: its signature, issuer, audience, times or nonce are wrong.",
      remedy:
        "Start the login again. If it stays, compare issuer and clientId with what the provider shows.",
      diagnosis,
      arrow: `${id}-10`,
    },
    items: itemsOf(
      id,
      ...untilProvider(secret),
      SIGNS_IN,
      ...backWithCode(secret),
      tokenAnswer(secret, secret("another nonce"), {
        ...{ name: "nonce", title: "nonce is the one that was sent" },
        ...{ result: "failed", diagnosis, specification: NONCE },
      }),
      {
        over: ["app"],
        text: "The login fails.",
        event: "login.failed",
        at: 6233.3,
      },
      {
        ...{ message: "callback", direction: "response", status: 502 },
        ...{ label: "502", at: 6236.4, answers: `${id}-8` },
      },
    ),
  };
}

/** The user says no at the provider. */
export function refusedRun(id = "run-6"): Run {
  const secret = secretsOf(id);
  const fields = [
    field(
      "query",
      "error",
      "access_denied",
      "Why the answer is no.",
      "RFC 6749 4.1.2.1",
    ),
    field(
      "query",
      "error_description",
      "The user <i>denied</i> the request",
      "The same, for the developer.",
      "RFC 6749 4.1.2.1",
    ),
    field(
      "query",
      "state",
      secret("state"),
      "The one that was sent.",
      "RFC 6749 4.1.2",
    ),
  ];
  return {
    ...{ id, kind: "login", title: "Login", browser: 2, state: "failed" },
    startedAt: "2026-11-29T12:06:00.000Z",
    names: NAMES,
    failure: {
      code: "ERR_LOGIN_DENIED",
      title: "You did not sign in",
      cause: "The user, or the provider's policy, has said no.",
      remedy:
        "Sign in again and agree. If you were not asked, look at the provider's policy for this client.",
      diagnosis:
        "the provider answered access_denied: The user <i>denied</i> the request",
      arrow: `${id}-8`,
    },
    items: itemsOf(
      id,
      ...untilProvider(secret),
      {
        ...SIGNS_IN,
        text: "At the Auth Server's own pages something went wrong, or the user said no.",
      },
      {
        ...{
          message: "authorization-response",
          direction: "response",
          isSeen: false,
        },
        ...{ label: "error: access_denied", at: 6180.3, fields },
      },
      {
        ...{
          message: "callback",
          label: "GET /callback",
          method: "GET",
          at: 6180.4,
          fields,
        },
        url: "/callback?error=access_denied",
        checks: [
          passed("state", "state is the one that this browser was sent with"),
        ],
      },
      {
        message: "callback",
        direction: "response",
        status: 403,
        label: "403",
        at: 6184.9,
      },
    ),
  };
}

/** A call whose access token is about to expire: it is refreshed first. */
export function refreshRun(id = "run-2"): Run {
  const secret = secretsOf("run-1");
  return {
    ...{ id, kind: "refresh", title: "Refresh for GET /api/orders, for alice" },
    ...{ browser: 1, state: "done", startedAt: "2026-11-29T12:02:00.000Z" },
    login: { id: "login-1", subject: "alice" },
    names: { ...NAMES, resource: "orders" },
    items: itemsOf(
      id,
      {
        message: "page-request",
        label: "GET /api/orders",
        method: "GET",
        url: "/api/orders",
        fields: [cookie(secret)],
      },
      {
        ...{
          message: "refresh-request",
          label: "POST /token",
          method: "POST",
          at: 2.4,
        },
        url: `${ISSUER}/token`,
        fields: [
          field(
            "form",
            "grant_type",
            "refresh_token",
            "What is exchanged for tokens.",
            "RFC 6749 6",
          ),
          field(
            "form",
            "refresh_token",
            secret("refresh"),
            "Brings new access tokens.",
            "RFC 6749 6",
          ),
        ],
      },
      {
        ...{ message: "refresh-request", direction: "response", status: 200 },
        ...{ label: "200", at: 30.8 },
        fields: [
          field(
            "json",
            "access_token",
            secret("access 2", 812),
            "Opens resource servers for the user.",
          ),
          field(
            "json",
            "refresh_token",
            secret("refresh 2"),
            "Replaces the one that was sent.",
          ),
        ],
      },
      {
        ...{ message: "resource-request", label: "GET /orders", method: "GET" },
        ...{ url: "http://orders.internal:4000/orders", at: 33.1 },
        fields: [
          field(
            "header",
            "authorization",
            secret("access 2", 812),
            "The access token. Scheme: Bearer.",
            "RFC 6750 2.1",
          ),
        ],
      },
      {
        message: "resource-request",
        direction: "response",
        status: 200,
        label: "200",
        at: 45,
      },
      {
        ...{ message: "page-request", direction: "response", status: 200 },
        ...{ label: "200", at: 46.9, answers: `${id}-1` },
      },
    ),
  };
}

/** The user signs out, here and at the provider. */
export function logoutRun(id = "run-3"): Run {
  const secret = secretsOf("run-1");
  return {
    ...{
      id,
      kind: "logout",
      title: "Logout of alice",
      browser: 1,
      state: "done",
    },
    startedAt: "2026-11-29T12:03:00.000Z",
    login: { id: "login-1", subject: "alice" },
    names: NAMES,
    items: itemsOf(
      id,
      {
        message: "logout-request",
        label: "POST /logout",
        method: "POST",
        url: "/logout",
        fields: [cookie(secret)],
      },
      {
        ...{
          message: "revocation-request",
          label: "POST /revoke",
          method: "POST",
          at: 4,
        },
        url: `${ISSUER}/revoke`,
        fields: [
          field(
            "form",
            "token",
            secret("refresh"),
            "The token that is to become worthless.",
            "RFC 7009 2.1",
          ),
        ],
      },
      {
        message: "revocation-request",
        direction: "response",
        status: 200,
        label: "200",
        at: 14.2,
      },
      {
        over: ["app"],
        text: "The login is over.",
        event: "logout.succeeded",
        at: 15,
      },
      {
        ...{
          message: "logout-request",
          direction: "response",
          status: 303,
          at: 16.1,
        },
        label: "303 to auth.example.com/logout",
        answers: `${id}-1`,
      },
      {
        message: "end-session-request",
        label: "GET auth.example.com/logout",
        method: "GET",
        url: `${ISSUER}/logout`,
        isSeen: false,
        at: 16.2,
      },
      {
        message: "end-session-response",
        label: "303 to localhost:3000/logged-out",
        isSeen: false,
        at: 210,
      },
      {
        message: "logged-out",
        label: "GET /logged-out",
        method: "GET",
        url: "/logged-out",
        at: 210.1,
      },
      {
        message: "logged-out",
        direction: "response",
        status: 303,
        label: "303 to /",
        at: 212.7,
      },
    ),
  };
}

/** The provider says that the user's session there is over. */
export function backchannelRun(id = "run-4"): Run {
  const secret = secretsOf(id);
  return {
    ...{
      id,
      kind: "provider-logout",
      title: "Logout of alice by the provider",
    },
    ...{ browser: 1, state: "done", startedAt: "2026-11-29T12:04:00.000Z" },
    names: { app: "localhost:3000", provider: "auth.example.com" },
    items: itemsOf(
      id,
      {
        ...{ message: "backchannel-logout", label: "POST /backchannel-logout" },
        ...{ method: "POST", url: "/backchannel-logout" },
        fields: [
          field(
            "form",
            "logout_token",
            secret("logout", 611),
            "Whose login is over, signed by the provider. Decoded above.",
            "OpenID Connect Back-Channel Logout 2.4",
          ),
        ],
        token: {
          kind: "Logout Token",
          header: { alg: "RS256", typ: "logout+jwt" },
          claims: {
            iss: ISSUER,
            aud: "shop",
            sub: "alice",
            sid: secret("sid", 22),
            events: {
              "http://schemas.openid.net/event/backchannel-logout": {},
            },
          },
        },
        checks: [
          ...TOKEN_CHECKS.slice(0, 3),
          passed(
            "events",
            "events says that it is a logout",
            "OpenID Connect Back-Channel Logout 2.6 (5)",
          ),
        ],
      },
      {
        over: ["app"],
        text: "Two logins end.",
        event: "logout.backchannel",
        at: 6,
      },
      {
        message: "backchannel-logout",
        direction: "response",
        status: 200,
        label: "200",
        at: 7.5,
      },
    ),
  };
}

/** One of each, oldest first. */
export function allRuns(): Run[] {
  return [
    loginRun(),
    refreshRun(),
    logoutRun(),
    backchannelRun(),
    wrongNonceRun(),
    refusedRun(),
  ];
}
