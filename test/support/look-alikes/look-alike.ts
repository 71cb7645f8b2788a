/** What a look-alike is: a provider as its public documentation describes it. */
import type { RequestHandler } from "express";

import type { Json, LyingProviderClient } from "../lying-provider.js";
import type { Claims, Misbehaviour, TokenLie } from "../lying-provider.js";

/** Public addresses by the name that metadata have for them. */
export interface Endpoints {
  readonly authorization_endpoint?: string;
  readonly token_endpoint?: string;
  readonly jwks_uri?: string;
  readonly userinfo_endpoint?: string;
  readonly revocation_endpoint?: string;
  readonly end_session_endpoint?: string;
  readonly pushed_authorization_request_endpoint?: string;
}

/** A provider, and the recipe for it. */
export interface LookAlike {
  /** The recipe, whose page is `docs/providers/<recipe>.md`. */
  readonly recipe: string;
  /** Which of the page's calls of `createLoginKit` is tried, from 0. Default 0. */
  readonly block?: number;
  /** What the page's code imports beside the kit, by name. Default: nothing. */
  readonly modules?: Readonly<Record<string, object>>;
  /** What its metadata name as issuer, and its tokens unless `idToken` says otherwise. */
  readonly issuer: string;
  /** Where its metadata are. Default: where Discovery has them. */
  readonly metadataAddress?: string;
  /** Its endpoints; one that is left out does not exist. */
  readonly endpoints: Endpoints;
  /** Endpoints that exist, but are not in the metadata. */
  readonly unlisted?: Endpoints;
  /** Further members of the metadata. */
  readonly metadata?: Json;
  /** How it registers the client, beyond the addresses of the page's application. */
  readonly client?: Partial<LyingProviderClient>;
  /** How it checks clients, before its token and revocation endpoints do. It gets the form. */
  readonly checksClient?: RequestHandler;
  /** What it posts or sends beside its answers to authorization requests. */
  readonly authorizationResponse?: Misbehaviour["authorizationResponse"];
  /** Claims of its ID Tokens. */
  readonly idToken?: (right: Claims) => Claims;
  /** Its token responses, after what the members below do. */
  readonly tokenResponse?: Misbehaviour["tokenResponse"];
  /** Whether an authorization request leads to a refresh token. Default: each one does. */
  readonly issuesRefreshToken?: (request: URLSearchParams) => boolean;
  /** Default true. False: a refresh brings no new refresh token. */
  readonly rotatesRefreshTokens?: boolean;
  readonly userInfo?: Misbehaviour["userinfo"];
  /** Where its logout sends the browser; undefined: to no page but an error. Default: as RP-Initiated Logout 1.0 has it. */
  readonly logout?: (parameters: URLSearchParams) => string | undefined;
  /** Where its logout leaves the browser. Default: at the application. */
  readonly logoutEndsAt?: string;
  /** Whether the tokens of a session end with it, so that none has to be revoked. Default false. */
  readonly endsTokens?: boolean;
  /** An address of its API, for tokens that do not say when they expire. */
  readonly api?: string;
  /** What differs in its Logout Tokens from the usual ones. Undefined: it sends none. */
  readonly logoutToken?: TokenLie;
  /** What fails without the recipe. */
  readonly without: Without;
}

/** A quirk that the recipe is about. */
export interface Without {
  /** What happens, as the title of a test. */
  readonly rule: string;
  /** Options in place of the recipe's; undefined: not set. */
  readonly options: Readonly<Record<string, unknown>>;
  /** What then fails. */
  readonly fails:
    | "sign-in"
    | "refresh"
    | "user-info"
    | "sign-out"
    | "revocation"
    | "back-channel-logout";
}
