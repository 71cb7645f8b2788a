/** Streams a request to a resource server with its token. */
import type { Config } from "../config.js";
import { LoginKitError } from "../errors.js";
import {
  requestHeaders,
  responseHeaders,
} from "../resource/request-headers.js";
import {
  forwardTarget,
  resourceServerNamed,
} from "../resource/resource-servers.js";
import type { Send } from "../resource/send.js";
import type { Handler } from "../session/answer.js";
import { refuseCrossSite } from "../session/cross-site.js";
import { requireMethod } from "../session/method.js";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/** Options of one forwarded address. */
export interface ForwardOptions {
  /** Methods that are forwarded. Default GET, HEAD, POST, PUT, PATCH, DELETE. */
  readonly methods?: readonly string[];
}

/** What `forward` works with. */
export interface ForwardDeps {
  readonly config: Config;
  readonly send: Send;
}

/** Creates the forwarding handler for a configured resource server. */
export type CreateForwardHandler = (
  resourceServer: string,
  options?: ForwardOptions,
) => Handler;

/**
 * Creates `forward`. Mount it behind `requireAuth` and before body parsers.
 *
 * @throws {LoginKitError} `ERR_RESOURCE_NOT_ALLOWED` at once for a name that is not configured
 */
export function createForward({
  config,
  send,
}: ForwardDeps): CreateForwardHandler {
  return function forward(name, { methods = METHODS } = {}) {
    const server = resourceServerNamed(config, name);
    return async function forwardRequest(req, res) {
      requireMethod(req, ...methods);
      // Also for GET: the answer is the user's, and the call costs the user's rights.
      refuseCrossSite(req, config.baseUrl);
      if (req.oidc === undefined) throw new LoginKitError("ERR_LOGIN_REQUIRED");
      if (req.body !== undefined) {
        throw new Error(
          "kit.forward: the request's body was already read; mount forward before express.json() and other body parsers",
        );
      }
      const url = forwardTarget(server, req.url);
      const accessToken = await req.oidc.accessToken(name);
      await send({
        req,
        res,
        url,
        headers: requestHeaders(req, accessToken),
        answerHeaders: responseHeaders,
        timeoutSeconds: server.timeoutSeconds,
      });
    };
  };
}
