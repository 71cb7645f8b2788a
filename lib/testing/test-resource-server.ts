/** testResourceServer: an API that takes the access tokens of test providers, and remembers who came with which. */
import type { IncomingMessage, ServerResponse } from "node:http";

import type { IssuedAccessToken } from "./provider/grants.js";
import { nowSeconds, words } from "./provider/state.js";
import { type RecordedRequest, recordingServer } from "./recording-server.js";
import { issuedAccessToken } from "./running-providers.js";

/** How a resource server differs from the usual one. */
export interface TestResourceServerOptions {
  /** Its resource indicator (RFC 8707): takes only tokens for it. Default: any access token. */
  readonly resource?: string;
  /** Scope that tokens need. Default: none. */
  readonly scope?: string;
}

/** A request as it reached a resource server. */
export interface ResourceRequest extends RecordedRequest {
  /** The access token that came along, good or not. */
  readonly token: string | undefined;
  /** Whose it is, where it is good. */
  readonly sub: string | undefined;
}

/** A resource server that runs. */
export interface TestResourceServer {
  /** Its origin, for the kit's option `resourceServers`. */
  readonly url: string;
  /** Every request so far, oldest first; also those that were refused. */
  readonly requests: readonly ResourceRequest[];
  /** Answers a request whose token is good. Undefined: `200 {"sub":"alice"}`. */
  answer: ((req: ResourceRequest, res: ServerResponse) => void) | undefined;
  readonly close: () => Promise<void>;
}

/**
 * Starts an API on a free port of the loopback interface; close it in the end.
 *
 * It takes access tokens that a test provider of this process has issued and
 * that have not expired. Others get 401, or 403 where the scope is missing
 * (RFC 6750 section 3.1).
 */
export async function testResourceServer(
  options: TestResourceServerOptions = {},
): Promise<TestResourceServer> {
  const recorder = await recordingServer();
  const requests: ResourceRequest[] = [];
  const server: TestResourceServer = {
    url: recorder.url,
    requests,
    answer: undefined,
    close: recorder.close,
  };
  recorder.answer = (_req: IncomingMessage, res) => {
    const recorded = recorder.requests.at(-1);
    if (recorded === undefined) throw new Error("recorded before answered");
    const token = tokenOf(recorded);
    const issued = issuedAccessToken(token ?? "");
    const problem = problemOf(issued, options);
    const sub = problem === undefined ? issued?.grant.sub : undefined;
    const request: ResourceRequest = { ...recorded, token, sub };
    requests.push(request);
    if (problem !== undefined) refuse(res, problem);
    else if (server.answer) server.answer(request, res);
    else sendJson(res, 200, { sub });
  };
  return server;
}

/**
 * The newest request that reached a resource server.
 *
 * @throws {Error} where none did
 */
export function lastRequestTo({
  url,
  requests,
}: TestResourceServer): ResourceRequest {
  const request = requests.at(-1);
  if (request === undefined) throw new Error(`nothing has reached ${url}`);
  return request;
}

type Problem = "invalid_token" | "insufficient_scope";

function tokenOf({ headers }: RecordedRequest): string | undefined {
  return /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1];
}

function problemOf(
  issued: IssuedAccessToken | undefined,
  { resource, scope }: TestResourceServerOptions,
): Problem | undefined {
  if (issued === undefined || issued.expiresAt <= nowSeconds()) {
    return "invalid_token";
  }
  if (resource !== undefined && issued.audience !== resource) {
    return "invalid_token";
  }
  const granted = words(issued.scope);
  return words(scope).every((one) => granted.includes(one))
    ? undefined
    : "insufficient_scope";
}

function refuse(res: ServerResponse, error: Problem): void {
  res.setHeader("WWW-Authenticate", `Bearer error="${error}"`);
  sendJson(res, error === "invalid_token" ? 401 : 403, { error });
}

function sendJson(res: ServerResponse, status: number, body: object): void {
  res.statusCode = status;
  res.setHeader("Content-Type", "application/json");
  res.end(JSON.stringify(body));
}
