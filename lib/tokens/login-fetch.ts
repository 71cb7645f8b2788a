/** `loginOf(req).fetch`: `fetch` with the user's access token, to configured servers only. */
import { isAnyArrayBuffer } from "node:util/types";
import type { Config, ResourceServer } from "../config/config.js";
import { LoginKitError } from "../base/errors.js";
import {
  challengeOf,
  isRejection,
  refusesToken,
} from "../resource/challenge.js";
import { resourceServerOf } from "../resource/resource-servers.js";

/** Gives the access token for a configured resource server, and another one when that was refused. */
export type TokenFor = (
  resourceServer: string,
  rejected?: string,
) => Promise<string>;

/**
 * Sends a request with the user's token.
 *
 * @throws {LoginKitError} `ERR_RESOURCE_NOT_ALLOWED` before anything is sent, `ERR_RESOURCE_UNAVAILABLE`, `ERR_RESOURCE_TIMEOUT`, and what `tokenFor` throws
 */
export async function loginFetch(
  config: Config,
  tokenFor: TokenFor,
  address: string | URL,
  init: RequestInit = {},
): Promise<Response> {
  const { server, url } = resourceServerOf(config, address);
  const token = await tokenFor(server.name);
  const response = await fetchWith(token, server, url, init);
  if (!isRefused(response) || !isRepeatable(init.body)) return response;
  let another: string;
  try {
    another = await tokenFor(server.name, token);
  } catch (error) {
    // Without another token the refusal is the answer.
    if (isRejection(error)) return response;
    await response.body?.cancel();
    throw error;
  }
  await response.body?.cancel();
  return fetchWith(another, server, url, init);
}

async function fetchWith(
  token: string,
  server: ResourceServer,
  url: URL,
  init: RequestInit,
): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${token}`);
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

function isRefused({ status, headers }: Response): boolean {
  const challenge = challengeOf(status, {
    "www-authenticate": headers.get("www-authenticate") ?? "",
  });
  return refusesToken(status, challenge);
}
