/** How clients prove to the test provider who they are. */
import type { Request, Response } from "express";

import { clientByAssertion } from "./client-assertion.js";
import type { ProviderClient } from "./parties.js";
import { findClient, type ProviderState, parametersOf } from "./state.js";

/** The client that has proved who it is; otherwise 401 is answered. */
export function authenticatedClient(
  state: ProviderState,
  req: Request,
  res: Response,
): ProviderClient | undefined {
  const request = parametersOf(req);
  const basic = basicCredentials(req.headers.authorization);
  const method = basic ? "client_secret_basic" : "client_secret_post";
  const { clientId, clientSecret } = basic ?? {
    clientId: request["client_id"],
    clientSecret: request["client_secret"],
  };
  const isAsserted = !basic && request["client_assertion"] !== undefined;
  const client = isAsserted
    ? clientByAssertion(state, request)
    : findClient(state, clientId);
  res.set("Cache-Control", "no-store");
  if (isAsserted) {
    if (client && clientSecret === undefined) return client;
  } else if (client?.tokenEndpointAuthMethod === "none") {
    if (!basic && clientSecret === undefined) return client;
  } else if (
    client &&
    client.clientSecret === clientSecret &&
    (client.tokenEndpointAuthMethod ?? method) === method &&
    (request["client_id"] ?? clientId) === clientId &&
    // RFC 6749 section 2.3: never two methods in one request.
    !(basic && request["client_secret"] !== undefined)
  ) {
    return client;
  }
  res.set("WWW-Authenticate", "Basic");
  res.status(401).json({ error: "invalid_client" });
  return undefined;
}

/** What an `Authorization: Basic` header says, if it is one. */
export function basicCredentials(
  authorization: string | undefined,
): { clientId: string; clientSecret: string } | undefined {
  const encoded = /^Basic (.+)$/i.exec(authorization ?? "")?.[1];
  if (encoded === undefined) return undefined;
  // RFC 6749 section 2.3.1: each half is form-urlencoded.
  const [clientId = "", clientSecret = ""] = Buffer.from(encoded, "base64")
    .toString()
    .split(":")
    .map((half) => decodeURIComponent(half.replaceAll("+", " ")));
  return { clientId, clientSecret };
}
