/** How users sign in at the test provider: the authorization endpoint and the pages behind it. */
import express, { type Request, type Response, type Router } from "express";

import {
  authorizationResponse,
  redirectProblem,
  refusal,
  requestError,
  signedResponse,
} from "./authorization-response.js";
import type { Parameters } from "./misbehaviour.js";
import { sessionOf, signIn } from "./op-session.js";
import { consentPage, selfSubmittingForm, signInPage } from "./pages.js";
import { type OpSession } from "./parties.js";
import { markOfPage, readRequest } from "./pushed-requests.js";
import {
  type AuthorizationRequest,
  nowSeconds,
  type ProviderState,
  words,
} from "./state.js";

/** The endpoints that a browser is sent to when someone signs in. */
export function authorizeRoutes(state: ProviderState): Router {
  const router = express.Router();
  router.all("/authorize", (req, res) => {
    authorize(state, req, res);
  });
  // What the two pages post; the request is still in the query.
  router.post("/sign-in", (req, res) => {
    postedSignIn(state, req, res);
  });
  router.post("/consent", (req, res) => {
    postedConsent(state, req, res);
  });
  return router;
}

function authorize(state: ProviderState, req: Request, res: Response): void {
  const request = readRequest(state, req);
  if (request === undefined) {
    res
      .status(400)
      .send("the request was not pushed, or not signed, as it must be");
    return;
  }
  const { parameters } = request;
  const problem = redirectProblem(state, parameters);
  if (problem !== undefined) {
    res.status(400).send(problem);
    return;
  }
  const error = requestError(state, request);
  const prompt = words(parameters["prompt"]);
  const session = sessionFor(state, req, parameters);
  if (error === undefined && state.asksUsers && !prompt.includes("none")) {
    if (!session) {
      res.send(signInPage(state, queryOf(state, request)));
      return;
    }
    if (needsConsent(state, session, request)) {
      res.send(consentPage(session.sub, queryOf(state, request)));
      return;
    }
  }
  send(
    state,
    res,
    request,
    error ?? session ?? signedIn(state, req, res, request),
  );
}

/** The session of this browser, where it answers the request. */
function sessionFor(
  state: ProviderState,

  req: Request,
  parameters: Parameters,
): OpSession | undefined {
  const current = sessionOf(state, req);
  const wanted = wantedUser(state, parameters);
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
  state: ProviderState,

  req: Request,
  res: Response,
  { parameters }: AuthorizationRequest,
): OpSession | "login_required" {
  if (words(parameters["prompt"]).includes("none")) return "login_required";
  const current = sessionOf(state, req);
  const user =
    wantedUser(state, parameters) ??
    state.currentUser ??
    current?.sub ??
    "alice";
  return signIn(state, res, { user, current });
}

function wantedUser(
  state: ProviderState,
  parameters: Parameters,
): string | undefined {
  const hinted = state.idTokens.get(parameters["id_token_hint"] ?? "")?.sub;
  return parameters["login_hint"] ?? hinted;
}

function needsConsent(
  state: ProviderState,

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
  state: ProviderState,

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
  const { response_mode: mode = "query" } = parameters;
  const sent = mode.endsWith("jwt")
    ? signedResponse(state, parameters, response)
    : response;
  if (mode.startsWith("form_post")) {
    res.send(selfSubmittingForm(redirectUri.href, sent));
    return;
  }
  for (const [name, value] of Object.entries(sent)) {
    redirectUri.searchParams.set(name, value);
  }
  res.redirect(303, redirectUri.href);
}

function postedSignIn(state: ProviderState, req: Request, res: Response): void {
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

function postedConsent(
  state: ProviderState,
  req: Request,
  res: Response,
): void {
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
    send(state, res, { parameters, resources }, "access_denied");
    return;
  }
  session.consents.add(consentOf(parameters));
  withoutPrompt(query, "consent");
  res.redirect(303, `authorize?${query.toString()}`);
}

/** The request as a query, for the pages that come in between. */
function queryOf(
  state: ProviderState,
  { parameters, resources }: AuthorizationRequest,
): string {
  const query = new URLSearchParams({ ...parameters, ...markOfPage(state) });
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
