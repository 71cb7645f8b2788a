/** How users sign in at the test provider: the authorization endpoint and the pages behind it. */
import express, { type Request, type Response, type Router } from "express";

import type { Parameters } from "./misbehaviour.js";
import { sessionOf, sessionStateOf, signIn } from "./op-session.js";
import { consentPage, selfSubmittingForm, signInPage } from "./pages.js";
import { isRegistered, type OpSession } from "./parties.js";
import {
  findClient,
  nowSeconds,
  parametersOf,
  type ProviderState,
  resourcesOf,
  words,
} from "./state.js";
import { changed, takeNext } from "./wrong-answers.js";

/** An authorization request, read. */
export interface AuthorizationRequest {
  readonly parameters: Parameters;
  /** RFC 8707: may be several, so they are no parameter like the others. */
  readonly resources: readonly string[];
}

/** The endpoints that a browser is sent to when someone signs in. */
export function authorizeRoutes(state: ProviderState): Router {
  const router = express.Router();
  router.all("/authorize", authorize);
  // What the two pages post; the request is still in the query.
  router.post("/sign-in", postedSignIn);
  router.post("/consent", postedConsent);
  return router;

  function authorize(req: Request, res: Response): void {
    const request = readRequest(req);
    const { parameters } = request;
    const problem = redirectProblem(state, parameters);
    if (problem !== undefined) {
      res.status(400).send(problem);
      return;
    }
    const error = requestError(state, request);
    const prompt = words(parameters["prompt"]);
    const session = sessionFor(req, parameters);
    if (error === undefined && state.asksUsers && !prompt.includes("none")) {
      if (!session) {
        res.send(signInPage(state, queryOf(request)));
        return;
      }
      if (needsConsent(session, request)) {
        res.send(consentPage(session.sub, queryOf(request)));
        return;
      }
    }
    send(res, request, error ?? session ?? signedIn(req, res, request));
  }

  /** The session of this browser, where it answers the request. */
  function sessionFor(
    req: Request,
    parameters: Parameters,
  ): OpSession | undefined {
    const current = sessionOf(state, req);
    const wanted = wantedUser(parameters);
    const maxAge = Number(parameters["max_age"] ?? Infinity);
    return current &&
      !words(parameters["prompt"]).includes("login") &&
      nowSeconds() - current.authTime < maxAge &&
      (wanted ?? current.sub) === current.sub
      ? current
      : undefined;
  }

  /** Signs someone in without a question, unless `prompt=none` forbids even that. */
  function signedIn(
    req: Request,
    res: Response,
    { parameters }: AuthorizationRequest,
  ): OpSession | "login_required" {
    if (words(parameters["prompt"]).includes("none")) return "login_required";
    const current = sessionOf(state, req);
    const user =
      wantedUser(parameters) ?? state.currentUser ?? current?.sub ?? "alice";
    return signIn(state, res, { user, current });
  }

  function wantedUser(parameters: Parameters): string | undefined {
    const hinted = state.idTokens.get(parameters["id_token_hint"] ?? "")?.sub;
    return parameters["login_hint"] ?? hinted;
  }

  function needsConsent(
    { consents }: OpSession,
    { parameters }: AuthorizationRequest,
  ): boolean {
    return (
      state.asksConsent &&
      (words(parameters["prompt"]).includes("consent") ||
        !consents.has(consentOf(parameters)))
    );
  }

  function send(
    res: Response,
    request: AuthorizationRequest,
    outcome: OpSession | string,
  ): void {
    const { parameters } = request;
    const response =
      typeof outcome === "string"
        ? refusal(state, parameters, outcome)
        : authorizationResponse(state, request, outcome);
    const redirectUri = new URL(parameters["redirect_uri"] ?? "");
    if (parameters["response_mode"] === "form_post") {
      res.send(selfSubmittingForm(redirectUri.href, response));
      return;
    }
    for (const [name, value] of Object.entries(response)) {
      redirectUri.searchParams.set(name, value);
    }
    res.redirect(303, redirectUri.href);
  }

  function postedSignIn(req: Request, res: Response): void {
    const { user = "" } = req.body as { user?: string };
    if (!state.users.has(user)) {
      res.status(400).send("this user is none of the provider's");
      return;
    }
    signIn(state, res, { user, current: sessionOf(state, req) });
    // They are in the session now; the user is not asked twice.
    const query = new URLSearchParams(queryString(req));
    withoutPrompt(query, "login");
    withoutPrompt(query, "select_account");
    query.delete("max_age");
    query.delete("login_hint");
    res.redirect(303, `authorize?${query.toString()}`);
  }

  function postedConsent(req: Request, res: Response): void {
    const query = new URLSearchParams(queryString(req));
    const parameters = Object.fromEntries(query);
    const problem = redirectProblem(state, parameters);
    const session = sessionOf(state, req);
    if (problem !== undefined || !session) {
      res.status(400).send(problem ?? "nobody is signed in");
      return;
    }
    const { decision } = req.body as { decision?: string };
    if (decision !== "allow") {
      const resources = query.getAll("resource");
      send(res, { parameters, resources }, "access_denied");
      return;
    }
    session.consents.add(consentOf(parameters));
    withoutPrompt(query, "consent");
    res.redirect(303, `authorize?${query.toString()}`);
  }
}

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

function readRequest(req: Request): AuthorizationRequest {
  return { parameters: parametersOf(req), resources: resourcesOf(req) };
}

/** The request as a query, for the pages that come in between. */
function queryOf({ parameters, resources }: AuthorizationRequest): string {
  const query = new URLSearchParams(parameters);
  for (const resource of resources) query.append("resource", resource);
  return query.toString();
}

function queryString(req: Request): string {
  const [, query = ""] = req.url.split("?");
  return query;
}

function withoutPrompt(query: URLSearchParams, answeredPrompt: string): void {
  const prompts = words(query.get("prompt") ?? undefined);
  const left = prompts.filter((prompt) => prompt !== answeredPrompt);
  if (left.length > 0) query.set("prompt", left.join(" "));
  else query.delete("prompt");
}

/** What a user agrees to. */
function consentOf({ client_id: clientId, scope }: Parameters): string {
  return `${String(clientId)} ${String(scope)}`;
}

function requestedAcr(parameters: Parameters): string | undefined {
  const claims = JSON.parse(parameters["claims"] ?? "{}") as {
    id_token?: { acr?: { value?: string; values?: string[] } | null };
  };
  const acr = claims.id_token?.acr;
  return acr?.value ?? acr?.values?.[0] ?? words(parameters["acr_values"])[0];
}
