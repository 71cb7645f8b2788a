/** `loginOf(req).fetch`: `fetch` with the user's access token, to configured servers only. */
import { isAnyArrayBuffer } from "node:util/types";
import type { Config, ResourceServer } from "../config/config.js";
import { LoginKitError } from "../base/errors.js";
import type { LiveLogin } from "../logins/current-login.js";
import { resourceServerOf } from "../resource/resource-servers.js";
import type { Authorization, AuthorizedFor } from "./send-authorized.js";

/**
 * Sends a request with the user's token.
 *
 * @throws {LoginKitError} `ERR_RESOURCE_NOT_ALLOWED` before anything is sent, `ERR_RESOURCE_UNAVAILABLE`, `ERR_RESOURCE_TIMEOUT`, and what `authorizedFor` throws
 */
export async function loginFetch(
  config: Config,
  authorizedFor: AuthorizedFor,
  login: LiveLogin,
  address: string | URL,
  init: RequestInit = {},
): Promise<Response> {
  const { server, url } = resourceServerOf(config, address);
  const sendAuthorized = await authorizedFor(login, server);
  return sendAuthorized({
    method: init.method ?? "GET",
    url,
    whenRefused: isRepeatable(init.body) ? "repeat" : "nothing",
    send: (authorization) => fetchWith(authorization, server, url, init),
    headOf: ({ status, headers }) => ({
      status,
      headers: Object.fromEntries(headers),
    }),
    drop: ({ body }) => body?.cancel(),
  });
}

async function fetchWith(
  authorization: Authorization,
  server: ResourceServer,
  url: URL,
  init: RequestInit,
): Promise<Response> {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(authorization)) {
    headers.set(name, value);
  }
  // Until the answer begins; how long it then takes is the caller's business.
  const timeout = new AbortController();
  const timer = setTimeout(() => {
    timeout.abort();
  }, server.timeoutSeconds * 1000);
  try {
    return await fetch(url, {
      ...init,
      headers,
      // Followed redirects would carry the token to wherever they point.
      redirect: "manual",
      signal: init.signal
        ? AbortSignal.any([init.signal, timeout.signal])
        : timeout.signal,
    });
  } catch (error) {
    if (init.signal?.aborted === true) throw error;
    throw new LoginKitError(
      timeout.signal.aborted
        ? "ERR_RESOURCE_TIMEOUT"
        : "ERR_RESOURCE_UNAVAILABLE",
      {
        message: `no answer from ${url.origin}`,
        cause: new Error("fetch failed"),
      },
    );
  } finally {
    clearTimeout(timer);
  }
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
