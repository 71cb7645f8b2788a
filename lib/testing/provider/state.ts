/** What the endpoints of the test provider share. */
import type { Request } from "express";

import { encrypted } from "./encrypt.js";
import type { Grants } from "./grants.js";
import type { PublishedKeys } from "./keys.js";
import type { Misbehaviour, Parameters, WrongAnswers } from "./misbehaviour.js";
import type { OpSession, ProviderClient, Registered } from "./parties.js";
import { type Claims, signToken, type WrongToken } from "./signed-token.js";

/** An end-session request as it arrived. */
export interface EndSessionRequest {
  readonly method: string;
  readonly parameters: Parameters;
}

/** How a relying party answered a logout token. */
export interface BackchannelAnswer {
  readonly clientId: string;
  readonly logoutToken: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** What the check-session iframe told a page. */
export interface CheckSessionPoll {
  readonly clientId: string;
  readonly answer: string;
}

/** What the provider knows of proofs. */
export interface DpopState {
  /** What they must hold; undefined: none. May be replaced at any time. */
  nonce: string | undefined;
  readonly uses: Set<string>;
}

/** An authorization request, read. */
export interface AuthorizationRequest {
  readonly parameters: Parameters;
  /** RFC 8707: may be several, so they are no parameter like the others. */
  readonly resources: readonly string[];
}

/** What the provider offers beyond the usual. */
export interface Offers {
  /** RFC 9126. */
  readonly pushedRequests: "no" | "offered" | "required";
  /** RFC 9101. */
  readonly signedRequests: "no" | "offered" | "required";
  /** JARM. */
  readonly signedResponses: "no" | "offered";
}

/** The provider as its endpoints see it. */
export interface ProviderState {
  readonly issuer: string;
  readonly clients: readonly ProviderClient[];
  /** Claims of users by their `sub`. Others can sign in where nobody is asked. */
  readonly users: ReadonlyMap<string, Claims>;
  /** Whether a page asks who signs in. */
  readonly asksUsers: boolean;
  /** Whether a page asks the user to agree; only with `asksUsers`. */
  readonly asksConsent: boolean;
  /** Resource indicators that are known (RFC 8707). */
  readonly resources: Registered;
  readonly rotatesRefreshTokens: boolean;
  /** How proofs are taken (RFC 9449); undefined: they are not. */
  readonly dpop: DpopState | undefined;
  readonly offers: Offers;
  /** Pushed requests by their names. */
  readonly pushed: Map<string, AuthorizationRequest>;
  /** Marks of requests that pages of the provider lead back to. */
  readonly pages: Set<string>;
  readonly grants: Grants;
  /** Wrong answers, each for one time. */
  next: WrongAnswers;
  /** Seconds. */
  readonly accessTokenSeconds: number;
  /** Milliseconds that the front-channel logout page is shown. */
  readonly frontchannelPageMilliseconds: number;
  keys: PublishedKeys;
  /** May be replaced at any time. */
  misbehave: Misbehaviour;
  /**
   * Who signs in where no `login_hint` says. Undefined: the user of the browser's
   * session, or else alice.
   */
  currentUser: string | undefined;
  /** By the value of the session cookie. */
  readonly sessions: Map<string, OpSession>;
  /** Every ID Token that was issued, as it was signed, and for whom. */
  readonly idTokens: Map<string, IssuedIdToken>;
  /** Tokens that a client has revoked. */
  readonly revoked: string[];
  readonly endSessionRequests: EndSessionRequest[];
  readonly backchannelAnswers: BackchannelAnswer[];
  readonly checkSessionPolls: CheckSessionPoll[];
}

/** Whom an ID Token was issued for. */
export interface IssuedIdToken {
  readonly client: ProviderClient;
  readonly sub: string;
  readonly sid: string;
}

/** The URL of an endpoint; the issuer may end with a slash. */
export function endpoint({ issuer }: { issuer: string }, name: string): string {
  return `${issuer.replace(/\/$/, "")}/${name}`;
}

/** The client with this id. */
export function findClient(
  { clients }: ProviderState,
  clientId: string | undefined,
): ProviderClient | undefined {
  return clients.find((client) => client.clientId === clientId);
}

/** The client that a test means: the first one, unless it says which. */
export function clientNamed(
  state: ProviderState,
  clientId: string | undefined = state.clients[0]?.clientId,
): ProviderClient {
  const client = findClient(state, clientId);
  if (!client) throw new Error(`there is no client ${String(clientId)}`);
  return client;
}

/** A token for this client, signed as it registered unless the lie says otherwise. */
export function tokenFor(
  state: ProviderState,
  client: ProviderClient,
  claims: Claims,
  lie?: WrongToken,
): string {
  return signToken(
    {
      claims,
      alg: client.idTokenSignedResponseAlg ?? "RS256",
      published: state.keys,
      clientSecret: client.clientSecret,
    },
    lie,
  );
}

/** What is said to this client alone, where it has a key for that. */
export function encryptedFor(
  { misbehave }: ProviderState,
  { encryptionKey }: ProviderClient,
  token: string,
): string {
  return encryptionKey === undefined
    ? token
    : encrypted(token, encryptionKey, misbehave.encryption);
}

/** The parameters of a request: of the form of a POST, of the query otherwise. Without `resource`. */
export function parametersOf(req: Request): Parameters {
  const parameters: Record<string, string> = {};
  for (const [name, value] of Object.entries(bodyOrQuery(req))) {
    if (name === "resource") continue;
    if (typeof value !== "string") {
      // RFC 6749 section 3.1. Express answers with the status of an error.
      throw Object.assign(new Error(`${name} occurs twice`), { status: 400 });
    }
    parameters[name] = value;
  }
  return parameters;
}

/** The resource indicators of a request: the one parameter that may occur twice (RFC 8707 section 2). */
export function resourcesOf(req: Request): string[] {
  const { resource = [] } = bodyOrQuery(req);
  return [resource].flat().map(String);
}

function bodyOrQuery(req: Request): Readonly<Record<string, unknown>> {
  const parameters = (req.method === "POST" ? req.body : req.query) as
    Readonly<Record<string, unknown>> | undefined;
  return parameters ?? {};
}

/** The words of a list such as `scope`. */
export function words(text: string | undefined): string[] {
  return (text ?? "").split(" ").filter((word) => word !== "");
}

/** Seconds since the epoch. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
