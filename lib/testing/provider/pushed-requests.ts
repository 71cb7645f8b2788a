/** Authorization requests as the test provider reads them: as they are, signed (RFC 9101), or pushed before (RFC 9126). */
import { randomBytes } from "node:crypto";

import express, { type Request, type Router } from "express";

import { authenticatedClient } from "./client-authentication.js";
import { jwtClaims, isSignedByClient } from "./client-assertion.js";
import type { Parameters } from "./misbehaviour.js";
import type { Claims } from "./signed-token.js";
import {
  type AuthorizationRequest,
  endpoint,
  findClient,
  nowSeconds,
  parametersOf,
  type ProviderState,
  resourcesOf,
} from "./state.js";

/** How long a pushed request waits, in seconds. */
const PUSHED_SECONDS = 60;

/** RFC 9126 2: the endpoint, where the provider offers it. */
export function pushedRequestRoutes(state: ProviderState): Router {
  const router = express.Router();
  if (state.offers.pushedRequests === "no") return router;
  router.post("/par", (req, res) => {
    const client = authenticatedClient(state, req, res);
    if (!client) return;
    const request = readSent(state, req);
    if ("request_uri" in parametersOf(req) || request === undefined) {
      res.status(400).json({ error: "invalid_request" });
      return;
    }
    const name = `urn:ietf:params:oauth:request_uri:${randomBytes(24).toString("base64url")}`;
    state.pushed.set(name, request);
    res.status(201).json({ request_uri: name, expires_in: PUSHED_SECONDS });
  });
  return router;
}

/** The request that a browser brings; undefined: it is not one that this provider takes. */
export function readRequest(
  state: ProviderState,
  req: Request,
): AuthorizationRequest | undefined {
  const { request_uri: name, client_id: clientId } = parametersOf(req);
  if (name === undefined) {
    return state.offers.pushedRequests === "required" &&
      isFromOutside(state, req)
      ? undefined
      : readSent(state, req);
  }
  const pushed = state.pushed.get(name);
  // RFC 9126 4: once, and by the client that pushed it.
  state.pushed.delete(name);
  return pushed?.parameters["client_id"] === clientId ? pushed : undefined;
}

/** What pages of the provider itself lead back to was read before. */
function isFromOutside({ pages }: ProviderState, req: Request): boolean {
  return !pages.has(parametersOf(req)[PAGE] ?? "");
}

/** Marks a request that comes back from a page of the provider itself. */
const PAGE = "provider_page";

/** The mark for the next page. */
export function markOfPage({ pages }: ProviderState): Record<string, string> {
  const mark = randomBytes(16).toString("base64url");
  pages.add(mark);
  return { [PAGE]: mark };
}

function readSent(
  state: ProviderState,
  req: Request,
): AuthorizationRequest | undefined {
  const parameters = parametersOf(req);
  const { request, client_id: clientId } = parameters;
  if (state.offers.signedRequests === "no" || request === undefined) {
    return state.offers.signedRequests === "required" &&
      isFromOutside(state, req)
      ? undefined
      : { parameters, resources: resourcesOf(req) };
  }
  const client = findClient(state, clientId);
  const { header, claims } = jwtClaims(request);
  const { iss, aud, exp, nbf } = claims;
  const isRight =
    client !== undefined &&
    header["typ"] === "oauth-authz-req+jwt" &&
    claims["client_id"] === clientId &&
    iss === clientId &&
    aud === state.issuer &&
    Number(exp) > nowSeconds() &&
    Number(exp) - Number(nbf) <= 3600 &&
    isSignedByClient(client, request);
  return isRight ? requestIn(claims) : undefined;
}

/** Claims of the JWT itself, which are no parameters. */
const OF_JWT = new Set(["iss", "aud", "exp", "iat", "nbf", "jti", "resource"]);

/** RFC 9101 6.3: what the object says counts, and nothing beside it. */
function requestIn(claims: Claims): AuthorizationRequest {
  const parameters = Object.entries(claims)
    .filter(([name]) => !OF_JWT.has(name))
    .map(([name, value]) => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
  const { resource = [] } = claims;
  return {
    parameters: Object.fromEntries(parameters) as Parameters,
    resources: [resource].flat().map(String),
  };
}

/** What the metadata says of all this. */
export function requestMetadata(state: ProviderState): Record<string, unknown> {
  const { pushedRequests, signedRequests, signedResponses } = state.offers;
  return {
    ...(pushedRequests !== "no" && {
      pushed_authorization_request_endpoint: endpoint(state, "par"),
    }),
    ...(pushedRequests === "required" && {
      require_pushed_authorization_requests: true,
    }),
    ...(signedRequests !== "no" && {
      request_parameter_supported: true,
      request_object_signing_alg_values_supported: ["PS256", "ES256", "EdDSA"],
    }),
    ...(signedRequests === "required" && {
      require_signed_request_object: true,
    }),
    ...(signedResponses === "offered" && {
      response_modes_supported: [
        "query",
        "form_post",
        "query.jwt",
        "form_post.jwt",
        "jwt",
      ],
      authorization_signing_alg_values_supported: ["RS256", "PS256", "ES256"],
    }),
  };
}
