/** How sessions end at the test provider: RP-initiated, back-channel and front-channel logout. */
import { randomUUID } from "node:crypto";

import escapeHtml from "escape-html";
import express, { type Request, type Response, type Router } from "express";

import type { Parameters } from "./misbehaviour.js";
import { endOpSession, sessionOf } from "./op-session.js";
import {
  isRegistered,
  type ProviderClient,
  type OpSession,
} from "./parties.js";
import type { WrongToken } from "./signed-token.js";
import {
  clientNamed,
  findClient,
  type ProviderState,
  nowSeconds,
  parametersOf,
  encryptedFor,
  tokenFor,
} from "./state.js";

/** The event that makes a JWT a logout token. */
export const LOGOUT_EVENT =
  "http://schemas.openid.net/event/backchannel-logout";

const LOGOUT_TOKEN_SECONDS = 120;
const ANSWER_MILLISECONDS = 30_000;

/** Whom a logout token is for, and what is wrong with it. */
export interface LogoutTokenOptions extends WrongToken {
  /** Default: the first client. */
  readonly clientId?: string;
  readonly sub?: string;
  readonly sid?: string;
}

/** The endpoints that end sessions. */
export function logoutRoutes(state: ProviderState): Router {
  const router = express.Router();
  router.all("/end-session", (req, res) => endSession(state, req, res));
  router.get("/front-channel-logout", (req, res) => {
    opInitiatedFrontchannelLogout(state, req, res);
  });
  return router;
}

async function endSession(
  state: ProviderState,
  req: Request,
  res: Response,
): Promise<void> {
  const parameters = parametersOf(req);
  state.endSessionRequests.push({ method: req.method, parameters });
  const hinted = state.idTokens.get(parameters["id_token_hint"] ?? "");
  const returnTo = parameters["post_logout_redirect_uri"] ?? "";
  if (!hinted) {
    res.status(400).send("id_token_hint is none of the issued ID Tokens");
    return;
  }
  const { client, sub, sid } = hinted;
  if ((parameters["client_id"] ?? client.clientId) !== client.clientId) {
    res.status(400).send("client_id is not the id_token_hint's");
    return;
  }
  if (!isRegistered(client.postLogoutRedirectUris, returnTo)) {
    res.status(400).send("post_logout_redirect_uri is not registered");
    return;
  }
  const session = sessionWith(state, sid);
  const clients = session?.clients ?? new Set([client]);
  endOpSession(state, res, session);
  for (const { clientId, backchannelLogoutUri } of clients) {
    if (backchannelLogoutUri === undefined) continue;
    const lie = state.misbehave.logoutToken;
    const token = logoutToken(state, { clientId, sub, sid, ...lie });
    const answer = await postLogoutToken(backchannelLogoutUri, token);
    state.backchannelAnswers.push({
      clientId,
      logoutToken: token,
      status: answer.status,
      headers: answer.headers,
      body: await answer.text(),
    });
  }
  const back = endSessionResponse(state, returnTo, parameters["state"]);
  const frames = framesFor(state, clients, sid);
  if (frames.length > 0) res.send(frontchannelPage(state, frames, back));
  else res.redirect(303, back);
}

function endSessionResponse(
  state: ProviderState,

  returnTo: string,
  echoed: string | undefined,
): string {
  const right: Parameters = echoed === undefined ? {} : { state: echoed };
  return withParameters(
    returnTo,
    state.misbehave.endSessionResponse?.(right) ?? right,
  );
}

function opInitiatedFrontchannelLogout(
  state: ProviderState,
  req: Request,
  res: Response,
): void {
  const { client_id: clientId, sid: named } = parametersOf(req);
  const session =
    named === undefined ? sessionOf(state, req) : sessionWith(state, named);
  const sid = named ?? session?.sid ?? "";
  const client = findClient(state, clientId);
  const clients = client ? [client] : (session?.clients ?? []);
  endOpSession(state, res, session);
  res.send(frontchannelPage(state, framesFor(state, clients, sid)));
}

/** Front-Channel Logout 1.0 section 2. */
function framesFor(
  state: ProviderState,
  clients: Iterable<ProviderClient>,
  sid: string,
): string[] {
  const frames: string[] = [];
  for (const client of clients) {
    if (client.frontchannelLogoutUri === undefined) continue;
    const right: Parameters =
      client.frontchannelLogoutSessionRequired === true
        ? { iss: state.issuer, sid }
        : {};
    const parameters = state.misbehave.frontchannelLogout?.(right) ?? right;
    frames.push(withParameters(client.frontchannelLogoutUri, parameters));
  }
  return frames;
}

/** Shows the frames, and then goes back to the relying party if it asked. */
function frontchannelPage(
  state: ProviderState,
  frames: readonly string[],
  back?: string,
): string {
  const iframes = frames.map(
    (src) => `<iframe src="${escapeHtml(src)}"></iframe>`,
  );
  const goBack =
    back === undefined
      ? ""
      : `<a id="back" href="${escapeHtml(back)}">Back</a>
<script>
setTimeout(() => {
  location.replace(document.getElementById("back").href);
}, ${String(state.frontchannelPageMilliseconds)});
</script>`;
  return `<!doctype html><title>Signed out</title>
<h1>Signed out</h1>${iframes.join("")}${goBack}`;
}
/** A logout token as the conformance suite makes it, less what the options change. */
export function logoutToken(
  state: ProviderState,
  options: LogoutTokenOptions = {},
): string {
  const client = clientNamed(state, options.clientId);
  const iat = nowSeconds();
  const claims = {
    iss: state.issuer,
    sub: options.sub,
    aud: client.clientId,
    jti: randomUUID(),
    sid: options.sid,
    events: { [LOGOUT_EVENT]: {} },
    iat,
    exp: iat + LOGOUT_TOKEN_SECONDS,
    ignored_claim: "ignored",
  };
  return encryptedFor(state, client, tokenFor(state, client, claims, options));
}

/** Back-Channel Logout 1.0 section 2.5: the request that carries a logout token. */
export function postLogoutToken(
  backchannelLogoutUri: string,
  token: string,
): Promise<globalThis.Response> {
  return fetch(backchannelLogoutUri, {
    method: "POST",
    body: new URLSearchParams({
      logout_token: token,
      ignored_parameter: "ignored",
    }),
    redirect: "manual",
    signal: AbortSignal.timeout(ANSWER_MILLISECONDS),
  });
}

function sessionWith(
  { sessions }: ProviderState,
  sid: string,
): OpSession | undefined {
  return [...sessions.values()].find((session) => session.sid === sid);
}

function withParameters(uri: string, parameters: Parameters): string {
  const url = new URL(uri);
  for (const [name, value] of Object.entries(parameters)) {
    url.searchParams.set(name, value);
  }
  return url.href;
}
