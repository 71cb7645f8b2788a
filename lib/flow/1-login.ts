/** Starts an authorization request and redirects. */
import type { Request, Response } from "express";
import { baseUrlOf } from "../config/base-url.js";
import type { Parts } from "../parts.js";
import { ConfigError, LoginKitError } from "../base/errors.js";
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
import {
  askedAsJson,
  checkedLoginOptions,
  type StartLoginOptions,
} from "../sign-in/login-options.js";
import {
  invalidParameter,
  readList,
  readMaxAge,
  readPassedOn,
  readReturnTo,
  readScope,
  readTarget,
  singleParameter,
} from "../sign-in/login-parameters.js";
import { askForProvider, providerNameFor } from "../sign-in/provider-choice.js";
import { missingScope } from "../logins/permissions.js";
import { isStrongEnough } from "../logins/strength.js";
import { noticeOnce } from "../telling/notice.js";
import { witness } from "../telling/witness.js";

/** Values of `prompt` that no provider answers without the user. Others it may pass over. */
const SEEN = new Set(["create", "login", "select_account"]);

/** What `login` works with. */
type LoginParts = Pick<
  Parts,
  | "config"
  | "knownProviders"
  | "providers"
  | "transactions"
  | "scopeOnDemand"
  | "currentLogin"
  | "events"
  | "expectAnswer"
  | "now"
>;

/**
 * Creates the login endpoint: `GET /login?return_to=/path`.
 *
 * Beside `return_to` it takes `acr_values`, `acr` (what is accepted beside them)
 * and `max_age` (step-up), `scope` as far as guards ask for it, and passes on what the option `loginParameters` names. Everything else is ignored, and so
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
    const name = await providerNameFor(
      req,
      singleParameter(query, "provider"),
      parts,
    );
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
      moreScope: readScope(query, parts.scopeOnDemand),
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

/**
 * Starts a login from a handler of the application, with what no address says.
 * Resolves when the request is answered: by a redirect to the provider, or as the
 * kit answers its failures.
 *
 * @throws {ConfigError} for options that cannot be understood
 */
export type StartLogin = (
  req: Request,
  res: Response,
  options?: StartLoginOptions,
) => Promise<void>;

/** Creates `kit.startLogin`, but for the answers to failures. */
export function createStartLogin(
  parts: LoginParts,
): (
  req: Request,
  res: Response,
  options: unknown,
  isPushed?: boolean,
) => Promise<void> {
  const { config, providers } = parts;
  return async function startLogin(req, res, options, isPushed) {
    const wanted = checkedLoginOptions(options);
    const { acrValues = [], scope = [], loginHint, prompt } = wanted;
    const name = await providerNameFor(req, wanted.provider, parts);
    const { returnTo = config.defaultReturnTo } = wanted;
    if (name === undefined) {
      throw new ConfigError(
        ["provider: is missing; there are several, so name one"],
        "kit.startLogin",
      );
    }
    await begin(req, res, parts, await providers.named(name), {
      baseUrl: baseUrlOf(req, config),
      returnTo: localPath(returnTo) ?? config.defaultReturnTo,
      acrValues,
      otherAcr: [],
      maxAgeSeconds: wanted.maxAgeSeconds,
      moreScope: scope,
      applicationState: wanted.state,
      isPushed,
      parameters: {
        ...wanted.parameters,
        ...askedAsJson(wanted),
        ...(loginHint !== undefined && { login_hint: loginHint }),
        ...(prompt !== undefined && { prompt }),
      },
    });
  };
}

/** Whether a login is all that another site wants: then there is nothing to replace. */
function isAlready(
  login: LiveLogin,
  { acrValues, otherAcr, maxAgeSeconds, moreScope = [] }: LoginRequest,
  now: number,
): boolean {
  const { unasked, refused } = missingScope(login.record, moreScope);
  if (unasked.length > 0 || refused.length > 0) return false;
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
      singleParameter(parameters, "iss") ?? "",
      providerNameIn(req, config.paths.initiateLogin, config),
    );
    if (provider === undefined || others.length > 0) {
      throw invalidParameter(
        provider === undefined
          ? "iss is not the issuer of this application"
          : `iss is that of several providers; put a name behind the path, such as ${config.paths.initiateLogin}/${provider.config.name}`,
      );
    }
    const hint = singleParameter(parameters, "login_hint");
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
  witness()?.leaves(request.url);
  events.emit("login.started", {
    returnTo: wanted.returnTo,
    address: req.ip,
  });
  parts.expectAnswer(req, provider.config.callbackPath);
  if (parts.config.explainsErrors) {
    const { issuer, clientId, callbackPath } = provider.config;
    noticeOnce(
      parts.config,
      `signs in at ${issuer} (issuer) as ${clientId} (clientId); register this redirect URI there: ${wanted.baseUrl}${callbackPath} (baseUrl and paths.callback).`,
    );
  }
  res.set({ "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" });
  res.redirect(303, request.url.href);
}
