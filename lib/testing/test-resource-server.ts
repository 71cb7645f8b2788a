/** testResourceServer: an API that takes the access tokens of test providers, and remembers who came with which. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

import type { IssuedAccessToken } from "./provider/grants.js";
import { type ProofError, readProof } from "./provider/proof.js";
import { nowSeconds, words } from "./provider/state.js";
import { type RecordedRequest, recordingServer } from "./recording-server.js";
import { issuedAccessToken } from "./running-providers.js";

/** How a resource server differs from the usual one. */
export interface TestResourceServerOptions {
  /** Its resource indicator (RFC 8707): takes only tokens for it. Default: any access token. */
  readonly resource?: string;
  /** Scope that tokens need. Default: none. */
  readonly scope?: string;
  /**
   * How it takes tokens that are bound to a key (DPoP, RFC 9449). Default
   * `checked`: with a proof alone. `nonce`: with a proof that has its nonce.
   * `unknown`: as any other token, as `Bearer`; it knows no DPoP.
   */
  readonly proofs?: "checked" | "nonce" | "unknown";
  /** Port of the loopback interface. Default: a free one. */
  readonly port?: number;
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
 * that have not expired, those that are bound to a key with a proof (RFC 9449). Others get 401, or 403 where the scope is missing
 * (RFC 6750 section 3.1).
 */
export async function testResourceServer(
  options: TestResourceServerOptions = {},
): Promise<TestResourceServer> {
  const recorder = await recordingServer(options.port);
  const requests: ResourceRequest[] = [];
  const server: TestResourceServer = {
    url: recorder.url,
    requests,
    answer: undefined,
    close: recorder.close,
  };
  const proofs = proofsOf(server.url, options);
  recorder.answer = (_req: IncomingMessage, res) => {
    const recorded = recorder.requests.at(-1);
    if (recorded === undefined) throw new Error("recorded before answered");
    const token = tokenOf(recorded);
    const issued = issuedAccessToken(token ?? "");
    const problem =
      problemOf(issued, options) ??
      proofProblemOf(recorded, token ?? "", issued, proofs);
    const sub = problem === undefined ? issued?.grant.sub : undefined;
    const request: ResourceRequest = { ...recorded, token, sub };
    requests.push(request);
    if (proofs?.nonce !== undefined) res.setHeader("DPoP-Nonce", proofs.nonce);
    if (problem !== undefined) refuse(res, problem, recorded, issued, proofs);
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

type Problem = "invalid_token" | "insufficient_scope" | ProofError;

/** How proofs are taken; undefined: the server knows none. */
type Proofs =
  | {
      readonly url: string;
      readonly nonce: string | undefined;
      readonly uses: Set<string>;
    }
  | undefined;

function proofsOf(
  url: string,
  { proofs = "checked" }: TestResourceServerOptions,
): Proofs {
  if (proofs === "unknown") return undefined;
  const nonce = proofs === "nonce" ? randomUUID() : undefined;
  return { url, nonce, uses: new Set() };
}

function tokenOf({ headers }: RecordedRequest): string | undefined {
  return /^(?:Bearer|DPoP) (.+)$/i.exec(headers.authorization ?? "")?.[1];
}

/** RFC 9449 section 7: a bound token comes with a proof, and no other does. */
function proofProblemOf(
  { method, target, headers }: RecordedRequest,
  accessToken: string,
  issued: IssuedAccessToken | undefined,
  proofs: Proofs,
): Problem | undefined {
  const isProven = /^dpop /i.test(headers.authorization ?? "");
  if (proofs === undefined) return isProven ? "invalid_token" : undefined;
  const { jkt } = issued ?? {};
  if (isProven !== (jkt !== undefined)) return "invalid_token";
  if (!isProven) return undefined;
  const url = proofs.url + (target.split("?")[0] ?? "");
  const proof = headers["dpop"];
  const read = readProof({ ...proofs, proof, method, url, accessToken });
  if (read.error !== undefined) return read.error;
  return read.jkt === jkt ? undefined : "invalid_token";
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

function refuse(
  res: ServerResponse,
  error: Problem,
  { headers }: RecordedRequest,
  issued: IssuedAccessToken | undefined,
  proofs: Proofs,
): void {
  const isAboutProof =
    proofs !== undefined &&
    (issued?.jkt !== undefined || /^dpop /i.test(headers.authorization ?? ""));
  const scheme = isAboutProof ? "DPoP" : "Bearer";
  res.setHeader("WWW-Authenticate", `${scheme} error="${error}"`);
  sendJson(res, error === "insufficient_scope" ? 403 : 401, { error });
}

function sendJson(res: ServerResponse, status: number, body: object): void {
  res.statusCode = status;
  res.setHeader("Content-Type", "application/json");
  res.end(JSON.stringify(body));
}
