/** Streams a request to a resource server with its token. */
import type { Request, Response } from "express";
import {
  checkedForward,
  type ForwardOptions,
  type TokenOwner,
} from "../base/calls.js";
import { baseUrlOf } from "../config/base-url.js";
import type { Config, ResourceServer } from "../config/config.js";
import type { Parts } from "../parts.js";
import { LoginKitError } from "../base/errors.js";
import { challengeOf, refusalOf } from "../resource/challenge.js";
import { createRefuseDestination } from "../resource/destinations.js";
import {
  requestHeaders,
  responseHeaders,
  type PassedHeaders,
} from "../resource/request-headers.js";
import {
  forwardTarget,
  resourceServerNamed,
} from "../resource/resource-servers.js";
import type { Incoming } from "../resource/send-once.js";
import {
  hasBody,
  isReplayable,
  outgoingBody,
} from "../resource/outgoing-body.js";
import { isEventStream } from "../resource/pass-on.js";
import { NobodyWaits, watchForwarding } from "../resource/watch-forwarding.js";
import type { Handler } from "../http/answer.js";
import { refuseUnlessOwnPage } from "../http/cross-site.js";
import type { LiveLogin } from "../logins/current-login.js";
import { loginUrl, pageBehind } from "../http/login-url.js";
import { requireMethod } from "../http/method.js";
import { parsedBody } from "../http/parsed-body.js";
import { noticeOnce } from "../telling/notice.js";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/** What `forward` works with. */
type ForwardParts = Pick<
  Parts,
  "config" | "send" | "running" | "liveLogins" | "liveLoginOf" | "authorizedFor"
>;

/** Creates the forwarding handler for a configured resource server. */
export type CreateForwardHandler = (
  ...given: readonly [resourceServer: string, options?: ForwardOptions]
) => Handler;

/**
 * Creates `forward`. Mount it behind `requireAuth` and before body parsers.
 *
 * Its handlers refuse with `ERR_METHOD_NOT_ALLOWED`, `ERR_CROSS_SITE_REQUEST`,
 * `ERR_DESTINATION_NOT_ALLOWED`, `ERR_FORWARD_TARGET_INVALID`,
 * `ERR_FORWARD_REQUEST_INVALID`,
 * `ERR_TOO_MANY_REQUESTS`, with what `Login.accessToken` rejects with, and with
 * `ERR_RESOURCE_UNAVAILABLE`, `ERR_RESOURCE_TIMEOUT`, `ERR_REQUEST_TIMEOUT`,
 * `ERR_ACCESS_TOKEN_REJECTED`, `ERR_INSUFFICIENT_SCOPE` or
 * `ERR_STRONGER_LOGIN_REQUIRED`.
 *
 * @throws {LoginKitError} at once: `ERR_RESOURCE_NOT_ALLOWED` for a name that is not configured, `ERR_CONFIG` for wrong options
 */
export function createForward(parts: ForwardParts): CreateForwardHandler {
  const { config, running } = parts;
  return function forward(...given) {
    const options: ForwardOptions = checkedForward(given);
    const { methods = METHODS, keepsCaching = false, token = "user" } = options;
    const [name] = given;
    const server = resourceServerNamed(config, name);
    const refuseDestination = createRefuseDestination(
      options.destinations ?? [],
    );
    return async function forwardRequest(req, res) {
      // Looked at once: each look at a request of Express is dear (docs/performance.md).
      const { method, headers: received } = req;
      const head = { method, headers: received };
      requireMethod(head, ...methods);
      // Also for GET: the answer is the user's, and the call costs the user's rights.
      refuseUnlessOwnPage(head, baseUrlOf(req, config));
      refuseDestination(received["sec-fetch-dest"]);
      const login = ownLoginOf(req, parts);
      noticeBodyParser(req, config);
      if (parsedBody(req) !== undefined) {
        throw new LoginKitError("ERR_BODY_ALREADY_READ");
      }
      refuseEmptySegments(req);
      const url = forwardTarget(server, req.url);
      const headers = requestHeaders(head, req, server, config);
      const finished = running.begin(server, login.id);
      const forwarded = {
        ...{ head, req, res, server, url, headers, login },
        keepsCaching,
        token,
      };
      try {
        await forwardOne(forwarded, parts);
      } catch (error) {
        if (error instanceof NobodyWaits) return;
        // What is still to come of the request is not waited for.
        if (!req.complete && !res.headersSent) res.set("Connection", "close");
        throw error;
      } finally {
        finished();
      }
    };
  };
}

/** @throws {LoginKitError} `ERR_LOGIN_REQUIRED` */
function ownLoginOf(
  { oidc }: Request,
  { config, liveLoginOf }: ForwardParts,
): LiveLogin {
  const login = liveLoginOf(oidc);
  if (login !== undefined) return login;
  const message =
    oidc === undefined
      ? "kit.forward: no login; put this kit's requireAuth before it"
      : "kit.forward: req.oidc is not a login of this kit; put this kit's requireAuth before it";
  // A guard would have refused it: signing in again does not help.
  noticeOnce(
    config,
    `${message}, such as app.use("/api", kit.requireAuth(), kit.forward("orders")).`,
  );
  throw new LoginKitError("ERR_LOGIN_REQUIRED", { message });
}

/** Body parsers leave their mark on requests without a body, too: before the first one that has one. */
function noticeBodyParser(req: Request, config: Config): void {
  if (!config.explainsErrors || !("body" in req)) return;
  noticeOnce(
    config,
    'a body parser stands before kit.forward: what it reads cannot be passed on. Write app.use("/api", kit.requireAuth(), kit.forward("orders")) before app.use(express.json()) and other body parsers.',
  );
}

/**
 * Express 4 takes `/api//payments` for `/payments` below `/api`, and a guard on
 * `/api/payments` has not seen it.
 */
function refuseEmptySegments({ originalUrl }: Request): void {
  if (!originalUrl.replace(/\?.*$/s, "").includes("//")) return;
  throw new LoginKitError("ERR_FORWARD_TARGET_INVALID", {
    message: "the path holds an empty segment",
  });
}

interface Forwarded {
  readonly head: Pick<Request, "method" | "headers">;
  readonly req: Request;
  readonly res: Response;
  readonly server: ResourceServer;
  readonly url: URL;
  readonly headers: PassedHeaders;
  readonly login: LiveLogin;
  readonly keepsCaching: boolean;
  readonly token: TokenOwner;
}

async function forwardOne(
  {
    head,
    req,
    res,
    server,
    url,
    headers,
    login,
    keepsCaching,
    token,
  }: Forwarded,
  { config, send, authorizedFor, liveLogins }: ForwardParts,
): Promise<void> {
  const sendAuthorized = await authorizedFor(login, server, token);
  const watch = watchForwarding(req, res, server, () =>
    liveLogins.signal(login, res),
  );
  const { over } = watch;
  try {
    const { method } = head;
    const body = hasBody(head) ? await outgoingBody(req, over) : null;
    const answer = await sendAuthorized<Incoming>({
      method,
      url,
      whenRefused: isReplayable(body) ? "repeat" : "renew",
      send: (authorization) => {
        // What was sent before may have had a proof.
        if (headers["dpop"] !== undefined) delete headers["dpop"];
        Object.assign(headers, authorization);
        return send(server, login.id, { method, url, headers, body, over });
      },
      headOf: (incoming) => incoming,
      drop: (incoming) => {
        incoming.drop();
      },
    });
    try {
      // What the server says of a token that is not the user's, no login mends.
      if (token === "user") refuseChallenged(answer, req, config);
      const isStream = isEventStream(answer.headers);
      if (isStream) watch.allowSilence();
      await answer.pass(
        res,
        responseHeaders(answer.headers, server, { keepsCaching }),
        // Of an answer that waits behind another one Node would put the head before
        // its `100 Continue`, which then was the beginning of the body.
        isStream || head.headers.expect !== undefined,
      );
    } finally {
      // What was not passed on must not hold its connection.
      answer.drop();
    }
  } finally {
    watch.done();
  }
}

/** What a page can do about a refusal is told in our words; other answers go on as they are. */
function refuseChallenged(
  answer: Incoming,
  req: Request,
  config: Config,
): void {
  const challenge = challengeOf(answer.status, answer.headers);
  const refusal =
    challenge &&
    refusalOf(challenge, (wanted) =>
      loginUrl(config, pageBehind(req, config), wanted),
    );
  if (refusal !== undefined) throw refusal;
}
