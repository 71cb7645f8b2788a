/** `loginOf(req).fetch`: `fetch` with the user's access token, to configured servers only. */
import { isAnyArrayBuffer } from "node:util/types";
import type { ResourceServer } from "../config/config.js";
import type { Ground } from "../config/ground.js";
import { LoginKitError } from "../base/errors.js";
import { unlessAborted } from "../base/unless-aborted.js";
import type { OutgoingFetch } from "../config/outgoing-options.js";
import {
  OutgoingFetchError,
  sendByApplication,
} from "../outgoing/application-fetch.js";
import { plainRequest, type FetchRequest } from "../outgoing/plain-request.js";
import { secretsSent } from "../outgoing/sent-secrets.js";
import type { LiveLogin } from "../logins/current-login.js";
import { resourceServerOf } from "../resource/resource-servers.js";
import { connectionCode, whyUnreachable } from "../resource/unreachable.js";
import { witness } from "../telling/witness.js";
import type { Authorization } from "./presentation.js";
import type { AuthorizedFor } from "./send-authorized.js";

/** What it works with. */
type LoginFetching = Pick<Ground, "config" | "telemetry"> & {
  readonly authorizedFor: AuthorizedFor;
};

/**
 * Sends a request with the user's token.
 *
 * @throws {LoginKitError} `ERR_RESOURCE_NOT_ALLOWED` before anything is sent, `ERR_RESOURCE_UNAVAILABLE`, `ERR_RESOURCE_TIMEOUT`, and what `authorizedFor` throws
 */
export async function loginFetch(
  { config, telemetry, authorizedFor }: LoginFetching,
  login: LiveLogin,
  address: string | URL,
  init: RequestInit = {},
): Promise<Response> {
  const { server, url } = resourceServerOf(config, address);
  const sendAuthorized = await authorizedFor(login, server);
  const send = config.fetch === undefined ? fetch : sendingBy(config.fetch);
  const method = methodOf(init);
  const to = { "login_kit.resource_server.name": server.name };
  return sendAuthorized({
    method,
    url,
    whenRefused: isRepeatable(init.body) ? "repeat" : "nothing",
    send: (authorization) => {
      const sendWith = (carried = {}): Promise<Response> =>
        fetchWith(send, { ...carried, ...authorization }, server, url, init);
      return telemetry === undefined
        ? sendWith()
        : telemetry.request({ method, url, to }, sendWith);
    },
    headOf: ({ status, headers }) => ({
      status,
      headers: Object.fromEntries(headers),
    }),
    drop: ({ body }) => body?.cancel(),
  });
}

/** As the platform's `fetch` sends it: some in capital letters, others as they are. */
function methodOf({ method = "GET" }: RequestInit): string {
  return /^(?:delete|get|head|options|post|put)$/i.test(method)
    ? method.toUpperCase()
    : method;
}

type Send = (url: URL, request: FetchRequest) => Promise<Response>;

async function fetchWith(
  send: Send,
  authorization: Authorization,
  server: ResourceServer,
  url: URL,
  init: RequestInit,
): Promise<Response> {
  const headers = new Headers(init.headers);
  // One of another token, or of another request.
  headers.delete("dpop");
  for (const [name, value] of Object.entries(authorization)) {
    headers.set(name, value);
  }
  // Until the answer begins; how long it then takes is the caller's business.
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    timeout.abort();
  }, server.timeoutSeconds * 1000);
  const answered = witness()?.sent({
    to: "resource",
    method: init.method ?? "GET",
    url: url.href,
    headers,
  });
  try {
    const response = await send(url, {
      ...init,
      headers,
      // Followed redirects would carry the token to wherever they point.
      redirect: "manual",
      signal: init.signal
        ? AbortSignal.any([init.signal, timeout.signal])
        : timeout.signal,
    });
    answered?.({ status: response.status, headers: response.headers });
    return response;
  } catch (error) {
    answered?.(undefined);
    if (init.signal?.aborted === true) throw error;
    throw noAnswer(url, server, timeout.signal.aborted, error);
  } finally {
    clearTimeout(timer);
  }
}

function noAnswer(
  url: URL,
  server: ResourceServer,
  isLate: boolean,
  error: unknown,
): LoginKitError {
  const message = `no answer from ${url.origin}`;
  if (!isLate && error instanceof OutgoingFetchError) {
    return new LoginKitError("ERR_RESOURCE_UNAVAILABLE", {
      message: `${message}: ${error.message}`,
      cause: error,
    });
  }
  const code = isLate ? undefined : connectionCode(error);
  return new LoginKitError(
    isLate ? "ERR_RESOURCE_TIMEOUT" : "ERR_RESOURCE_UNAVAILABLE",
    {
      message: message + (code ? whyUnreachable(server, code) : ""),
      cause: new Error("fetch failed"),
    },
  );
}

/** A longer body is not searched for in what the application's function throws. Characters. */
const MAX_SEARCHED = 4096;

/** Sends by the application's function, which may be of any library and look at nothing. */
function sendingBy(outgoingFetch: OutgoingFetch): Send {
  const sendPlain = sendByApplication(outgoingFetch);
  return async function send(url, request) {
    const plain = await plainRequest(request);
    const text =
      typeof plain.body === "string" && plain.body.length <= MAX_SEARCHED
        ? plain.body
        : "";
    const secrets = [...secretsSent(plain.headers, text), text];
    const response = await unlessAborted(request.signal, () =>
      sendPlain(url.href, plain, secrets),
    );
    // Callers know answers by it, and an answer that was made has none.
    return Object.defineProperty(response, "url", { value: url.href });
  };
}

/** Whether a body is the same when it is sent again: what is read piece by piece is empty then. */
function isRepeatable(body: unknown): boolean {
  return (
    body === undefined ||
    body === null ||
    typeof body === "string" ||
    isAnyArrayBuffer(body) ||
    ArrayBuffer.isView(body) ||
    body instanceof Blob ||
    body instanceof URLSearchParams ||
    body instanceof FormData
  );
}
