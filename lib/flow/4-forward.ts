/** Streams a request to a resource server with its token. */
import type { Request, Response } from "express";
import { checkedForward } from "../base/calls.js";
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
import { isReplayable, outgoingBody } from "../resource/outgoing-body.js";
import { isEventStream } from "../resource/pass-on.js";
import { NobodyWaits, watchForwarding } from "../resource/watch-forwarding.js";
import type { Handler } from "../http/answer.js";
import { refuseUnlessOwnPage } from "../http/cross-site.js";
import type { LiveLogin } from "../logins/current-login.js";
import { loginUrl, pageBehind } from "../http/login-url.js";
import { requireMethod } from "../http/method.js";
import { parsedBody } from "../http/parsed-body.js";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/** Options of one forwarded address. */
export interface ForwardOptions {
  /** Methods that are forwarded. Default GET, HEAD, POST, PUT, PATCH, DELETE. */
  readonly methods?: readonly string[];
  /** Whether `Cache-Control` of the resource server is kept although it does not say private. Default false: `no-store`. */
  readonly keepsCaching?: boolean;
  /**
   * What else pages may use the answers for, as values of `Sec-Fetch-Dest`, such
   * as `["iframe"]`. Default none: scripts, styles, workers, worklets, frames,
   * objects, manifests and the like are refused with 403
   * `ERR_DESTINATION_NOT_ALLOWED`. What `fetch` loads, media, fonts and page
   * loads (downloads) always pass.
   *
   * Whoever can write what the resource server answers can then act in your
   * pages: with `script`, `style` or a worker as your own code does.
   */
  readonly destinations?: readonly string[];
}

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
    const { methods = METHODS, keepsCaching = false } = options;
    const [name] = given;
    const server = resourceServerNamed(config, name);
    const refuseDestination = createRefuseDestination(
      options.destinations ?? [],
    );
    return async function forwardRequest(req, res) {
      requireMethod(req, ...methods);
      // Also for GET: the answer is the user's, and the call costs the user's rights.
      refuseUnlessOwnPage(req, baseUrlOf(req, config));
      refuseDestination(req.get("Sec-Fetch-Dest"));
      const login = ownLoginOf(req, parts);
      if (parsedBody(req) !== undefined) {
        throw new Error(
          "kit.forward: the request's body was already read; mount forward before express.json() and other body parsers",
        );
      }
      refuseEmptySegments(req);
      const url = forwardTarget(server, req.url);
      const headers = requestHeaders(req, server, config);
      const finished = running.begin(server, login.id);
      const forwarded = { req, res, server, url, headers, login, keepsCaching };
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
  { liveLoginOf }: ForwardParts,
): LiveLogin {
  const login = liveLoginOf(oidc);
  if (login !== undefined) return login;
  throw new LoginKitError("ERR_LOGIN_REQUIRED", {
    message:
      oidc === undefined
        ? "kit.forward: no login; put this kit's requireAuth before it"
        : "kit.forward: req.oidc is not a login of this kit; put this kit's requireAuth before it",
  });
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
  readonly req: Request;
  readonly res: Response;
  readonly server: ResourceServer;
  readonly url: URL;
  readonly headers: PassedHeaders;
  readonly login: LiveLogin;
  readonly keepsCaching: boolean;
}

async function forwardOne(
  { req, res, server, url, headers, login, keepsCaching }: Forwarded,
  { config, send, authorizedFor, liveLogins }: ForwardParts,
): Promise<void> {
  const sendAuthorized = await authorizedFor(login, server);
  const watch = watchForwarding(req, res, server, () =>
    liveLogins.signal(login, res),
  );
  const { over } = watch;
  try {
    const { method } = req;
    const body = await outgoingBody(req, over);
    const answer = await sendAuthorized<Incoming>({
      method,
      url,
      whenRefused: isReplayable(body) ? "repeat" : "renew",
      send: (authorization) => {
        Object.assign(headers, authorization);
        return send(server, login.id, { method, url, headers, body, over });
      },
      headOf: (incoming) => incoming,
      drop: (incoming) => {
        incoming.drop();
      },
    });
    try {
      refuseChallenged(answer, req, config);
      if (isEventStream(answer.headers)) watch.allowSilence();
      await answer.pass(
        res,
        responseHeaders(answer.headers, server, { keepsCaching }),
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
