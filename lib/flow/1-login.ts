/** Starts an authorization request and redirects. */
import type { Request, Response } from "express";
import { baseUrlOf } from "../config/base-url.js";
import type { Config, ProviderConfig } from "../config/config.js";
import type { Parts } from "../parts.js";
import { LoginKitError } from "../base/errors.js";
import type { LoginRequest } from "../provider/authorization-request.js";
import type { Provider } from "../provider/provider.js";
import { localPath } from "../base/return-to.js";
import type { Handler } from "../http/answer.js";
import { isFromElsewhere } from "../http/cross-site.js";
import type { LiveLogin } from "../logins/current-login.js";
import { readForm } from "../http/form.js";
import { providerNameIn } from "../http/provider-name.js";
import { requireMethod } from "../http/method.js";
import { queryOf } from "../http/query.js";
import { askForProvider, providerNameFor } from "../sign-in/provider-choice.js";
import { isStrongEnough } from "../logins/strength.js";

/** Longest value that is passed on, in characters. */
const MAX_VALUE = 1024;

/** Values of `prompt` that no provider answers without the user. Others it may pass over. */
const SEEN = new Set(["create", "login", "select_account"]);

/** What `login` works with. */
type LoginParts = Pick<
  Parts,
  | "config"
  | "knownProviders"
  | "providers"
  | "transactions"
  | "currentLogin"
  | "events"
  | "expectAnswer"
  | "now"
>;

/**
 * Creates the login endpoint: `GET /login?return_to=/path`.
 *
 * Beside `return_to` it takes `acr_values`, `acr` (what is accepted beside them)
 * and `max_age` (step-up), and passes on what the option `loginParameters` names. Everything else is ignored, and so
 * is `prompt=none` from another site. A signed-in user who comes from there and
 * is asked nothing goes straight to `return_to`.
 */
export function createLogin(parts: LoginParts): Handler {
  return async function login(req, res) {
    // Only a GET can be followed by a redirect to a page of the provider, and
    // a HEAD or a preflight must not fill the store.
    requireMethod(req, "GET");
    const query = queryOf(req);
    const returnTo = readReturnTo(query, parts.config);
    const name = await providerNameFor(req, single(query, "provider"), parts);
    if (name === undefined) {
      askForProvider(res, query, parts.config);
      return;
    }
    const provider = await parts.providers.named(name);
    const wanted = {
      baseUrl: baseUrlOf(req, parts.config),
      returnTo,
      acrValues: readList(query, "acr_values"),
      otherAcr: readList(query, "acr"),
      maxAgeSeconds: readMaxAge(query),
      parameters: readPassedOn(query, provider.config),
    };
    if (!isFromElsewhere(req)) {
      await begin(req, res, parts, provider, wanted);
      return;
    }
    // Another site does not replace a login unless the user sees it.
    const { prompt = "none", ...others } = wanted.parameters;
    const isSeen = prompt.split(" ").some((one) => SEEN.has(one));
    const login = isSeen
      ? undefined
      : await parts.currentLogin.find(req, { extend: false });
    if (
      login?.provider.name === name &&
      isAlready(login, wanted, parts.now())
    ) {
      res.set({ "Cache-Control": "no-store" });
      res.redirect(303, wanted.returnTo);
      return;
    }
    await begin(req, res, parts, provider, {
      ...wanted,
      parameters: isSeen ? wanted.parameters : others,
    });
  };
}

/** Whether a login is all that another site wants: then there is nothing to replace. */
function isAlready(
  login: LiveLogin,
  { acrValues, otherAcr, maxAgeSeconds }: LoginRequest,
  now: number,
): boolean {
  const rule = {
    ...(acrValues.length > 0 && { acr: [...acrValues, ...otherAcr] }),
    ...(maxAgeSeconds !== undefined && { maxAgeSeconds }),
  };
  return isStrongEnough(login, rule, now);
}

/**
 * Creates the endpoint where a provider or a portal starts a login (Core 4):
 * `GET` or `POST`, with `iss`, and with `login_hint` and `target_link_uri` if
 * it likes. Register it as `initiate_login_uri`.
 *
 * The site that starts it decides only the hint and a page of this
 * application; other parameters are ignored.
 */
export function createThirdPartyLogin(parts: LoginParts): Handler {
  const { config, providers } = parts;
  return async function thirdPartyLogin(req, res) {
    requireMethod(req, "GET", "POST");
    // No user is signed in without seeing it (Core 4).
    res.set({
      "Content-Security-Policy": "frame-ancestors 'none'",
      "X-Frame-Options": "DENY",
    });
    const destination = req.get("Sec-Fetch-Dest") ?? "document";
    if (destination !== "document") {
      throw new LoginKitError("ERR_CROSS_SITE_REQUEST", {
        message:
          "a login cannot be started in a frame, image or script (Sec-Fetch-Dest)",
      });
    }
    const parameters =
      req.method === "POST"
        ? await readForm(req, "ERR_LOGIN_PARAMETER_INVALID")
        : queryOf(req);
    const [provider, ...others] = await providers.issuing(
      single(parameters, "iss") ?? "",
      providerNameIn(req, config.paths.initiateLogin, config),
    );
    if (provider === undefined || others.length > 0) {
      throw invalid(
        provider === undefined
          ? "iss is not the issuer of this application"
          : `iss is that of several providers; put a name behind the path, such as ${config.paths.initiateLogin}/${provider.config.name}`,
      );
    }
    const hint = single(parameters, "login_hint");
    await begin(req, res, parts, provider, {
      baseUrl: baseUrlOf(req, config),
      returnTo: readTarget(parameters, baseUrlOf(req, config), config),
      acrValues: [],
      otherAcr: [],
      maxAgeSeconds: undefined,
      parameters: hint === undefined ? {} : { login_hint: hint },
    });
  };
}

async function begin(
  req: Request,
  res: Response,
  parts: LoginParts,
  provider: Provider,
  wanted: LoginRequest,
): Promise<void> {
  const { transactions, events } = parts;
  const request = await provider.prepare(wanted);
  await transactions.begin(req, res, request.transaction);
  events.emit("login.started", {
    returnTo: wanted.returnTo,
    address: req.ip,
  });
  parts.expectAnswer(req, provider.config.callbackPath);
  res.set({ "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" });
  res.redirect(303, request.url.href);
}

function readReturnTo(query: URLSearchParams, config: Config): string {
  // localPath has a limit of its own: an address may be longer than a parameter.
  const value = single(query, "return_to", Infinity);
  if (value === undefined) return config.defaultReturnTo;
  const path = localPath(value);
  if (path === undefined) throw new LoginKitError("ERR_RETURN_TO_INVALID");
  return path;
}

/** The page that `target_link_uri` names; Core 4 wants it not to lead elsewhere. */
function readTarget(
  parameters: URLSearchParams,
  baseUrl: string,
  config: Config,
): string {
  const value = single(parameters, "target_link_uri", Infinity);
  if (value === undefined) return config.defaultReturnTo;
  const path =
    value === baseUrl
      ? "/"
      : value.startsWith(baseUrl)
        ? localPath(value.slice(baseUrl.length))
        : undefined;
  if (path === undefined) throw new LoginKitError("ERR_RETURN_TO_INVALID");
  return path;
}

function readList(query: URLSearchParams, name: string): string[] {
  return (single(query, name) ?? "").split(" ").filter(Boolean);
}

function readMaxAge(query: URLSearchParams): number | undefined {
  const value = single(query, "max_age");
  if (value === undefined) return undefined;
  if (!/^\d{1,9}$/.test(value)) throw invalid("max_age is not a whole number");
  return Number(value);
}

function readPassedOn(
  query: URLSearchParams,
  config: ProviderConfig,
): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const name of config.loginParameters) {
    const value = single(query, name);
    if (value !== undefined) parameters[name] = value;
  }
  const prompts = parameters["prompt"]?.split(" ") ?? [];
  // Core 3.1.2.1: none stands alone.
  if (prompts.includes("none") && prompts.length > 1) {
    throw invalid("prompt=none cannot be combined");
  }
  return parameters;
}

function single(
  query: URLSearchParams,
  name: string,
  maxLength = MAX_VALUE,
): string | undefined {
  const [value, ...more] = query.getAll(name);
  if (more.length > 0) throw invalid(`${name} comes more than once`);
  if (value !== undefined && value.length > maxLength) {
    throw invalid(`${name} is too long`);
  }
  return value === "" ? undefined : value;
}

function invalid(message: string): LoginKitError {
  return new LoginKitError("ERR_LOGIN_PARAMETER_INVALID", { message });
}
