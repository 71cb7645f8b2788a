/** Logins that tests begin and end: loginAs, signIn, expireAccessToken, endLogin. */
import type { Agent, Answer, Visitor } from "./agents.js";
import { visitorOf } from "./agents.js";
import { advance } from "./clock.js";
import {
  authorizationResponse,
  redirectProblem,
  refusal,
  requestError,
} from "./provider/authorization-response.js";
import type { Grant } from "./provider/grants.js";
import { logoutToken } from "./provider/logout.js";
import type { Parameters } from "./provider/misbehaviour.js";
import { forget, startSession } from "./provider/op-session.js";
import { hiddenFields, postAddress } from "./provider/pages.js";
import type { OpSession } from "./provider/parties.js";
import type { Claims } from "./provider/signed-token.js";
import type { ProviderState } from "./provider/state.js";
import { providerAt } from "./running-providers.js";

/** How an application differs from the usual one. */
export interface LoginOptions {
  /** Which of several providers, by the kit's option `providers`. Default: as the application chooses. */
  readonly provider?: string;
  /** Origin where the application listens. Only a Playwright context without `baseURL` and a `fetch` other than `cookieFetch` need it. */
  readonly url?: string;
  /** The kit's option `paths`, where it is set. */
  readonly paths?: {
    /** Default `/login`. */
    readonly login?: string;
    /** Default `/session`. */
    readonly session?: string;
    /** Default `/backchannel-logout`. */
    readonly backchannelLogout?: string;
  };
  /** Parameters of the login endpoint, such as `{ acr_values: "phr" }`. Default: none. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** A login in the application. */
export interface TestLogin {
  /** The user. */
  readonly sub: string;
  /** The user's session at the provider, as the ID Token names it. */
  readonly sid: string;
  /** Claims of the ID Token about the user. */
  readonly claims: Claims;
}

interface LoginDetails {
  readonly provider: ProviderState;
  readonly session: OpSession;
  readonly clientId: string;
  readonly endLogin: (logoutToken: string) => Promise<Answer>;
}

const detailsOf = new WeakMap<TestLogin, LoginDetails>();

/**
 * Signs someone in without the provider's pages: the application's own login and
 * callback run, code and tokens come from the test provider, and the agent has
 * the session's cookie afterwards.
 *
 * @param claims - of the ID Token and UserInfo, beside those that the provider's
 *   user has. `sub` says who it is: default the provider's first user
 * @throws {Error} that says what the application answered, where it refuses
 */
export async function loginAs(
  agent: Agent,
  claims: Claims & { readonly sub?: string } = {},
  options: LoginOptions = {},
): Promise<TestLogin> {
  const visitor = visitorOf(agent, options.url);
  const { url, provider } = await beginLogin(visitor, options);
  const parameters: Parameters = Object.fromEntries(url.searchParams);
  const resources = url.searchParams.getAll("resource");
  const request = { parameters, resources };
  const problem = redirectProblem(provider, parameters);
  if (problem !== undefined) throw new Error(`the provider: ${problem}`);
  const [firstUser = "alice"] = provider.users.keys();
  const { session } = startSession(provider, claims.sub ?? firstUser, claims);
  const error = requestError(provider, request);
  const response =
    error === undefined
      ? authorizationResponse(provider, request, session)
      : refusal(provider, parameters, error);
  await deliver(visitor, parameters, new URLSearchParams(response));
  await confirm(visitor, options);
  return loginOf({ visitor, provider, parameters, session, options });
}

/**
 * Signs someone in through the provider's pages, as a browser does: every
 * redirect is followed, the user is picked on the provider's page, and agrees.
 *
 * @param user - `sub` of one of the provider's users
 * @throws {Error} that says what the application or the provider answered
 */
export async function signIn(
  agent: Agent,
  user: string,
  options: LoginOptions = {},
): Promise<TestLogin> {
  const visitor = visitorOf(agent, options.url);
  const { url, provider } = await beginLogin(visitor, options);
  const parameters: Parameters = Object.fromEntries(url.searchParams);
  const response = await answerPages(visitor, url, parameters, user);
  const grant = provider.grants.grantOf(response.get("code") ?? "");
  await deliver(visitor, parameters, response);
  await confirm(visitor, options);
  const session = sessionOf(grant, response);
  return loginOf({ visitor, provider, parameters, session, options });
}

/**
 * Lets the login's access tokens expire: moves the clock (`advance`) to their
 * end, so the next request for which the application needs one refreshes first.
 */
export function expireAccessToken(login: TestLogin): void {
  const { provider } = knownDetails(login);
  const ends = provider.grants
    .accessTokensOf(login.sid)
    .map(({ expiresAt }) => expiresAt * 1000);
  advance(Math.max(0, ...ends.map((end) => end - Date.now())) / 1000);
}

/**
 * Ends a login as the provider does: the user's session there ends, and the
 * application is sent a logout token (Back-Channel Logout 1.0).
 *
 * @throws {Error} where the application does not accept it
 */
export async function endLogin(login: TestLogin): Promise<void> {
  const { provider, session, clientId, endLogin: send } = knownDetails(login);
  forget(provider, session);
  const { sub, sid } = login;
  const answer = await send(logoutToken(provider, { clientId, sub, sid }));
  if (answer.status >= 300) {
    throw unexpected("the application refused the logout token", answer);
  }
}

function knownDetails(login: TestLogin): LoginDetails {
  const details = detailsOf.get(login);
  if (details === undefined) {
    throw new TypeError("this is no login that loginAs or signIn gave");
  }
  return details;
}

/** The authorization request of the application, and the provider it is for. */
async function beginLogin(
  { visit }: Visitor,
  { paths = {}, parameters = {}, provider: name }: LoginOptions,
): Promise<{ readonly url: URL; readonly provider: ProviderState }> {
  const { login: loginPath = "/login" } = paths;
  const query = new URLSearchParams({
    ...(name !== undefined && { provider: name }),
    ...parameters,
  }).toString();
  const answer = await visit(
    query === "" ? loginPath : `${loginPath}?${query}`,
  );
  if (answer.location === undefined || !URL.canParse(answer.location)) {
    throw unexpected(
      `GET ${loginPath} does not lead to a provider: is kit.routes mounted, and is this the kit's paths.login; where there are several providers, which one is it to be (provider: "staff")`,
      answer,
    );
  }
  const url = new URL(answer.location);
  const provider = providerAt(url);
  if (provider === undefined) {
    throw new Error(
      `the application sends its users to ${url.origin}${url.pathname}, where no test provider of this process listens: create the kit with the issuer, clientId and clientSecret of testProvider()`,
    );
  }
  return { url, provider };
}

/** Brings the application its answer, as a browser would. */
async function deliver(
  { visit }: Visitor,
  request: Parameters,
  response: URLSearchParams,
): Promise<void> {
  const { pathname } = new URL(request["redirect_uri"] ?? "");
  let answer =
    request["response_mode"] === "form_post"
      ? await visit(pathname, response)
      : await visit(`${pathname}?${response.toString()}`);
  // A posted answer is read when the browser asks for it again.
  if (answer.location?.startsWith(`${pathname}?`) === true) {
    answer = await visit(answer.location);
  }
  if (answer.status !== 303) {
    throw unexpected("the application refused the login", answer);
  }
}

/**
 * Uses the login once, as a browser does that comes back: the kit ends one that
 * nobody has used after ten minutes, and a test may move the clock.
 */
async function confirm(
  { visit }: Visitor,
  { paths: { session = "/session" } = {} }: LoginOptions,
): Promise<void> {
  const answer = await visit(session);
  // An application may do without this endpoint.
  if (answer.status !== 200 || !answer.body.includes('"active":false')) return;
  throw unexpected(
    "the application has signed the user in, and does not know the next request: the agent has lost its cookies",
    answer,
  );
}

/** Pages that come before a user is back: to sign in, to agree, and the redirects between. */
const MAX_PAGES = 10;

async function answerPages(
  { visitProvider }: Visitor,
  start: URL,
  { redirect_uri: redirectUri = "" }: Parameters,
  user: string,
): Promise<URLSearchParams> {
  let url = start;
  let form: URLSearchParams | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const answer = await visitProvider(url, form);
    if (answer.location !== undefined) {
      url = new URL(answer.location, url);
      form = undefined;
      if (url.href.startsWith(redirectUri)) return url.searchParams;
      continue;
    }
    const address = postAddress(answer.body);
    if (answer.status !== 200 || address === undefined) {
      throw unexpected("the provider did not sign the user in", answer);
    }
    if (address === redirectUri) return hiddenFields(answer.body);
    url = new URL(address, url);
    form = new URLSearchParams({ user, decision: "allow" });
  }
  throw new Error(`after ${MAX_PAGES} pages the user is not signed in`);
}

function sessionOf(
  grant: Grant | undefined,
  response: URLSearchParams,
): OpSession {
  if (grant?.session !== undefined) return grant.session;
  throw new Error(`the provider answered: ${response.toString()}`);
}

function loginOf({
  visitor,
  provider,
  parameters,
  session,
  options: { paths: { backchannelLogout = "/backchannel-logout" } = {} },
}: {
  readonly visitor: Visitor;
  readonly provider: ProviderState;
  readonly parameters: Parameters;
  readonly session: OpSession;
  readonly options: LoginOptions;
}): TestLogin {
  const { sub, sid, claims } = session;
  const login: TestLogin = { sub, sid, claims: { ...claims, sub } };
  detailsOf.set(login, {
    provider,
    session,
    clientId: parameters["client_id"] ?? "",
    endLogin: (token) =>
      visitor.visit(
        backchannelLogout,
        new URLSearchParams({ logout_token: token }),
      ),
  });
  return login;
}

/** How much of a page an error shows, in characters. */
const MAX_BODY = 500;

function unexpected(what: string, { status, body }: Answer): Error {
  const text = body.replace(/<style>.*?<\/style>|<[^>]*>/gs, " ");
  const shown = text.replace(/\s+/g, " ").trim().slice(0, MAX_BODY);
  return new Error(`${what}. It answered ${String(status)}: ${shown}`);
}
