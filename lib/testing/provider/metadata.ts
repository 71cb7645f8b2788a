/** What the test provider publishes about itself: metadata and keys. */
import express, { type Router } from "express";

import type { Json } from "./misbehaviour.js";
import { PROOF_ALGORITHMS } from "./proof.js";
import { requestMetadata } from "./pushed-requests.js";
import { endpoint, type ProviderState } from "./state.js";
import { TOKEN_EXCHANGE } from "./token.js";
import { changed, takeNext } from "./wrong-answers.js";

/** Discovery 1.0 section 4, and the JWK Set. */
export function metadataRoutes(state: ProviderState): Router {
  const router = express.Router();
  router.get("/.well-known/openid-configuration", (_req, res) => {
    const right = metadataOf(state);
    const wrong = takeNext(state, "metadata");
    res.json(
      wrong === undefined
        ? (state.misbehave.metadata?.(right) ?? right)
        : changed(right, wrong),
    );
  });
  router.get("/jwks", (_req, res) => {
    const right = state.keys.jwks;
    const keys = state.misbehave.jwks?.(right) ?? right;
    res.type("application/jwk-set+json").send(JSON.stringify({ keys }));
  });
  return router;
}

function metadataOf(state: ProviderState): Json {
  return {
    issuer: state.issuer,
    authorization_endpoint: endpoint(state, "authorize"),
    token_endpoint: endpoint(state, "token"),
    userinfo_endpoint: endpoint(state, "userinfo"),
    jwks_uri: endpoint(state, "jwks"),
    end_session_endpoint: endpoint(state, "end-session"),
    revocation_endpoint: endpoint(state, "revoke"),
    check_session_iframe: endpoint(state, "check-session"),
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    frontchannel_logout_supported: true,
    frontchannel_logout_session_supported: true,
    response_types_supported: ["code"],
    response_modes_supported: ["query", "form_post"],
    grant_types_supported: [
      "authorization_code",
      "refresh_token",
      "client_credentials",
      TOKEN_EXCHANGE,
    ],
    subject_types_supported: ["public"],
    scopes_supported: ["openid", "profile", "email", "offline_access"],
    // As in the suite, "none" is among them; a client has to pin its own.
    id_token_signing_alg_values_supported: [
      "none",
      "RS256",
      "PS256",
      "ES256",
      "EdDSA",
      ...(state.keys.mlDsa ? ["ML-DSA-44"] : []),
    ],
    token_endpoint_auth_methods_supported: authMethodsOf(state),
    code_challenge_methods_supported: ["S256"],
    authorization_response_iss_parameter_supported: true,
    ...(state.dpop && { dpop_signing_alg_values_supported: PROOF_ALGORITHMS }),
    ...requestMetadata(state),
  };
}

/** The usual ones, and those of clients that are registered with another. */
function authMethodsOf({ clients }: ProviderState): string[] {
  const registered = clients.flatMap(({ tokenEndpointAuthMethod: method }) =>
    method === undefined || method === "none" ? [] : [method],
  );
  return [
    ...new Set(["client_secret_basic", "client_secret_post", ...registered]),
  ];
}
