/** How the test provider answers an authorization request: with a code, or with what is wrong. */
import type { Parameters } from "./misbehaviour.js";
import { sessionStateOf } from "./op-session.js";
import { isRegistered, type OpSession } from "./parties.js";
import {
  type AuthorizationRequest,
  encryptedFor,
  findClient,
  nowSeconds,
  type ProviderState,
  tokenFor,
  words,
} from "./state.js";
import { changed, takeNext } from "./wrong-answers.js";

/** Why a browser cannot even be sent back with an error. */
export function redirectProblem(
  state: ProviderState,
  { client_id: clientId, redirect_uri: redirectUri = "" }: Parameters,
): string | undefined {
  const client = findClient(state, clientId);
  if (client && isRegistered(client.redirectUris, redirectUri)) {
    return undefined;
  }
  return "client_id or redirect_uri is not registered";
}

/** The authorization response that ends a request of a user who has signed in. */
export function authorizationResponse(
  state: ProviderState,
  { parameters, resources }: AuthorizationRequest,
  session: OpSession,
): Parameters {
  const client = findClient(state, parameters["client_id"]);
  if (!client) throw new Error("redirectProblem comes before");
  session.clients.add(client);
  const redirectUri = parameters["redirect_uri"] ?? "";
  const code = state.grants.addCode({
    redirectUri,
    codeChallenge: parameters["code_challenge"],
    nonce: parameters["nonce"],
    grant: {
      client,
      session,
      sub: session.sub,
      authTime: session.authTime,
      scope: parameters["scope"] ?? "",
      acr: requestedAcr(parameters),
      resources,
      ...(state.dpop && { jkt: parameters["dpop_jkt"] }),
    },
  });
  return answered(state, parameters, {
    code,
    session_state: sessionStateOf(session, client.clientId, redirectUri),
  });
}

/** The authorization response that refuses a request. */
export function refusal(
  state: ProviderState,
  parameters: Parameters,
  error: string,
): Parameters {
  return answered(state, parameters, { error });
}

/** The same as a JWT for the client (JARM), where the provider signs its answers. */
export function signedResponse(
  state: ProviderState,
  parameters: Parameters,
  response: Parameters,
): Parameters {
  const client = findClient(state, parameters["client_id"]);
  if (!client || state.offers.signedResponses === "no") return response;
  const claims = {
    ...response,
    aud: client.clientId,
    exp: nowSeconds() + RESPONSE_SECONDS,
  };
  const lie = state.misbehave.responseToken;
  const token = tokenFor(state, client, claims, lie);
  return {
    response:
      client.encryptsResponses === true
        ? encryptedFor(state, client, token)
        : token,
  };
}

/** How long a signed response is good, in seconds. */
const RESPONSE_SECONDS = 60;

function answered(
  state: ProviderState,
  { state: echoed }: Parameters,
  outcome: Parameters,
): Parameters {
  const right: Parameters = {
    ...outcome,
    ...(echoed !== undefined && { state: echoed }),
    iss: state.issuer,
  };
  const wrong = takeNext(state, "authorizationResponse");
  if (wrong !== undefined) return changed(right, wrong) as Parameters;
  return state.misbehave.authorizationResponse?.(right) ?? right;
}

/** What is wrong with a request, as an OAuth error. */
export function requestError(
  { resources: known }: ProviderState,
  { parameters, resources }: AuthorizationRequest,
): string | undefined {
  if (parameters["request"] !== undefined) return "request_not_supported";
  if (parameters["response_type"] !== "code") {
    return "unsupported_response_type";
  }
  if (!words(parameters["scope"]).includes("openid")) return "invalid_scope";
  const { code_challenge: challenge, code_challenge_method: method } =
    parameters;
  // RFC 9700 section 2.1.1: a provider may insist on PKCE. This one does, so that
  // a client that leaves it out is found out.
  if (challenge === undefined || method !== "S256") return "invalid_request";
  if (!resources.every((one) => isRegistered(known, one))) {
    return "invalid_target";
  }
  return undefined;
}

function requestedAcr(parameters: Parameters): string | undefined {
  const claims = JSON.parse(parameters["claims"] ?? "{}") as {
    id_token?: { acr?: { value?: string; values?: string[] } | null };
  };
  const acr = claims.id_token?.acr;
  return acr?.value ?? acr?.values?.[0] ?? words(parameters["acr_values"])[0];
}
