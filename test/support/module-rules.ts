/**
 * What every module of the conformance suite checks on the way, whatever else it is
 * about: the requests of the relying party, as they reach the provider.
 */
import { createHash } from "node:crypto";

import type { Request, RequestHandler } from "express";

import { basicCredentials } from "../../lib/testing/provider/client-authentication.js";
import { parametersOf } from "../../lib/testing/provider/state.js";
import type { Parameters } from "../../lib/testing/provider/misbehaviour.js";

/** How a plan is run: what the suite calls its variant. */
export interface Variant {
  readonly responseMode: "query" | "form_post";
  readonly clientAuth: "client_secret_basic" | "client_secret_post";
}

/** The relying party as it is registered, and the variant that it is tested in. */
export interface Registration extends Variant {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string;
}

/** The rules at work. */
export interface ModuleRules {
  /** The provider's `watch`. */
  readonly middleware: RequestHandler;
  /** What was not as it has to be, and what the suite only warns of. */
  readonly violations: readonly string[];
}

/** Begins to watch a relying party. */
export function moduleRules(registered: Registration): ModuleRules {
  const violations: string[] = [];
  const redirectUris = new Set<string | undefined>();
  const nonces = new Set<string>();
  const challenges = new Set<string>();
  const verifiers = new Set<string>();
  const endpoints: Readonly<Record<string, (req: Request) => void>> = {
    "/authorize": checkAuthorizationRequest,
    "/token": checkTokenRequest,
    "/userinfo": checkUserInfoRequest,
  };
  return {
    violations,
    middleware(req, res, next) {
      const { method, path } = req;
      res.once("finish", () => {
        const { statusCode } = res;
        rule(statusCode < 400, `${method} ${path} is answered ${statusCode}`);
      });
      endpoints[path]?.(req);
      next();
    },
  };

  function rule(holds: boolean, violation: string): void {
    if (!holds) violations.push(violation);
  }

  /** A value that no other request has had. */
  function fresh(values: Set<string>, name: string, value: string): void {
    rule(!values.has(value), `${name} has been used before`);
    values.add(value);
  }

  function checkAuthorizationRequest(req: Request): void {
    const request = parametersOf(req);
    const { scope = "", redirect_uri: redirectUri, nonce = "" } = request;
    const { code_challenge: challenge = "", response_mode: mode } = request;
    rule(["GET", "POST"].includes(req.method), "authorize: method");
    rule(request["request"] === undefined, "authorize: request");
    rule(request["request_uri"] === undefined, "authorize: request_uri");
    rule(scope.split(" ").includes("openid"), "authorize: scope");
    rule(request["response_type"] === "code", "authorize: response_type");
    rule(request["client_id"] === registered.clientId, "authorize: client_id");
    // That it is registered is for the provider to see.
    rule(redirectUri?.includes("#") === false, "authorize: redirect_uri");
    rule(
      (mode ?? "query") === registered.responseMode,
      "authorize: response_mode",
    );
    rule(
      !(request["prompt"] === "none" && request["max_age"] === "0"),
      "authorize: prompt=none with max_age=0",
    );
    rule((request["state"] ?? "") !== "", "authorize: state");
    rule(/^[\w.~-]{1,43}$/.test(nonce), "authorize: nonce");
    rule(
      request["code_challenge_method"] === "S256" &&
        /^[\w-]{43}$/.test(challenge),
      "authorize: code_challenge",
    );
    rule(areClaims(request["claims"] ?? "{}"), "authorize: claims");
    redirectUris.add(redirectUri);
    fresh(nonces, "nonce", nonce);
    fresh(challenges, "code_challenge", challenge);
  }

  function checkTokenRequest(req: Request): void {
    const request = parametersOf(req);
    rule(req.method === "POST", "token: method");
    rule(isAuthenticated(req, request), "token: client authentication");
    rule(
      (request["client_id"] ?? registered.clientId) === registered.clientId,
      "token: client_id",
    );
    if (request["grant_type"] === "refresh_token") checkRefresh(request);
    else checkCodeExchange(request);
  }

  /** Exactly as registered: not by two methods at once, and not by another one. */
  function isAuthenticated(req: Request, request: Parameters): boolean {
    const { clientId, clientSecret } = registered;
    const { authorization } = req.headers;
    const { client_id: postedId, client_secret: postedSecret } = request;
    if (registered.clientAuth === "client_secret_post") {
      const matches = postedId === clientId && postedSecret === clientSecret;
      return authorization === undefined && matches;
    }
    const basic = basicCredentials(authorization);
    const matches =
      basic?.clientId === clientId && basic.clientSecret === clientSecret;
    return postedSecret === undefined && matches;
  }

  function checkCodeExchange(request: Parameters): void {
    const { code_verifier: verifier = "" } = request;
    rule(request["grant_type"] === "authorization_code", "token: grant_type");
    rule((request["code"] ?? "") !== "", "token: code");
    rule(redirectUris.has(request["redirect_uri"]), "token: redirect_uri");
    const hash = createHash("sha256").update(verifier).digest("base64url");
    rule(
      // RFC 7636 section 7.1: it must not be guessed. 43 random ones have about 31.
      /^[\w.~-]{43,128}$/.test(verifier) && new Set(verifier).size >= 16,
      "token: code_verifier is short, or has little entropy",
    );
    rule(challenges.has(hash), "token: code_verifier of another request");
    fresh(verifiers, "code_verifier", verifier);
  }

  function checkRefresh({ refresh_token: token, scope }: Parameters): void {
    const asked = registered.scope.split(" ");
    rule((token ?? "") !== "", "token: refresh_token");
    rule(
      scope?.split(" ").every((word) => asked.includes(word)) ?? true,
      "token: scope is wider than it was",
    );
  }

  function checkUserInfoRequest(req: Request): void {
    const inHeader = /^bearer \S+$/i.test(req.headers.authorization ?? "");
    const body = req.body as { access_token?: unknown } | undefined;
    const inBody = body?.access_token !== undefined;
    rule(inHeader !== inBody, "userinfo: access token in one place");
    rule(
      req.query["access_token"] === undefined,
      "userinfo: access token in the query",
    );
  }
}

/** OpenID Connect Core 1.0 section 5.5. */
function areClaims(json: string): boolean {
  try {
    const claims = JSON.parse(json) as unknown;
    if (typeof claims !== "object" || claims === null) return false;
    return Object.keys(claims).every((name) =>
      ["id_token", "userinfo"].includes(name),
    );
  } catch {
    return false;
  }
}
