/** Forms that were posted without a login: sealed in the store, opened by a cookie of the browser that posted them. */
import { createHash, randomBytes } from "node:crypto";
import { parse } from "cookie";
import escapeHtml from "escape-html";
import type { Request, Response } from "express";
import { keptFormCookiePrefix } from "../base/cookie-names.js";
import { LoginKitError } from "../base/errors.js";
import { localPath } from "../base/return-to.js";
import { Secret } from "../base/secret.js";
import { browserPath } from "../config/base-url.js";
import type { Config } from "../config/config.js";
import type { Ground } from "../config/ground.js";
import { readForm } from "../http/form.js";
import { pageBehind } from "../http/login-url.js";
import { isPageLoad } from "../http/navigation.js";
import { sendPage } from "../http/page.js";
import { parsedBody } from "../http/parsed-body.js";
import { queryOf } from "../http/query.js";
import { signInCookieOptions } from "./sign-in-cookies.js";

/** Forms of one browser that wait at the same time; the oldest makes room. */
const MAX_PER_BROWSER = 3;

/** The query parameter that says which form a page of the kit is about; it opens nothing. */
const FORM = "form";

/** How the name of such a cookie ends, and the value of {@link FORM}. */
const ID = /^[\w-]{10}$/;

/** A form that waits to be sent. */
export interface KeptForm {
  /** Names it in addresses. */
  readonly id: string;
  /** Where it was posted to: a path of this application. */
  readonly address: string;
  /** The page that it was on, where the browser said. */
  readonly page: string | undefined;
  readonly fields: URLSearchParams;
}

/** What is done with them. */
export interface KeptForms {
  /**
   * Keeps what a page of this application has posted, and sends the browser to
   * login and from there to the page that offers it again.
   *
   * The request is known to come from a page of our own: what another site wrote
   * is never kept.
   *
   * @param loginUrl the login address that leads back to a page
   * @returns whether the request is answered; false: it is none that posts a form as a page load
   * @throws {LoginKitError} `ERR_FORM_NOT_KEPT`, `ERR_REQUEST_TIMEOUT`, `ERR_STORE_UNAVAILABLE`
   */
  readonly keep: (
    req: Request,
    res: Response,
    loginUrl: (returnTo: string | undefined) => string,
  ) => Promise<boolean>;
  /** The form that the request is about, if this browser posted it and it still waits. */
  readonly find: (req: Request) => Promise<KeptForm | undefined>;
  /** The same, exactly once: then it is gone. */
  readonly take: (req: Request, res: Response) => Promise<KeptForm | undefined>;
}

/** Creates the functions. */
export function createKeptForms({
  config,
  loginStore,
  now,
}: Pick<Ground, "config" | "loginStore" | "now">): KeptForms {
  const { transactionTimeoutSeconds: seconds } = config;
  const prefix = keptFormCookiePrefix(config.session.cookieName);
  const options = signInCookieOptions(config);

  /** Puts it away; the browser gets what opens it. */
  const put = async (
    req: Request,
    res: Response,
    form: Secret,
  ): Promise<string> => {
    const secret = randomBytes(32).toString("base64url");
    const key = digest(secret);
    await loginStore.keepForm(key, form, seconds);
    const waiting = Object.entries(cookiesOf(req))
      .filter(([name]) => isOne(name, prefix))
      .sort(([, one = ""], [, other = ""]) => timeIn(other) - timeIn(one));
    for (const [name] of waiting.slice(MAX_PER_BROWSER - 1)) {
      res.clearCookie(name, options);
    }
    const id = key.slice(0, 10);
    res.cookie(prefix + id, `${now().toString(36)}.${secret}`, {
      ...options,
      maxAge: seconds * 1000,
    });
    return id;
  };
  /** Where the store has the form that a request is about; undefined: this browser posted none of that name. */
  const keyIn = (req: Request): { id: string; key: string } | undefined => {
    const [id = "", ...more] = queryOf(req).getAll(FORM);
    if (more.length > 0 || !ID.test(id)) return undefined;
    const [, secret = ""] = (cookiesOf(req)[prefix + id] ?? "").split(".");
    const key = digest(secret);
    return key.startsWith(id) ? { id, key } : undefined;
  };

  return {
    async keep(req, res, loginUrl) {
      if (req.method !== "POST" || !isPageLoad(req)) return false;
      const page = pageBehind(req, config);
      let form: Secret;
      try {
        form = await readKeptForm(req, page, config);
      } catch (error) {
        if (!(error instanceof LoginKitError)) throw error;
        throw error.with({ loginUrl: loginUrl(page) });
      }
      const id = await put(req, res, form);
      sendToLogin(res, loginUrl(keptFormPath(id, config)), config);
      return true;
    },
    async find(req) {
      const { id, key } = keyIn(req) ?? {};
      if (id === undefined || key === undefined) return undefined;
      return opened(id, await loginStore.readForm(key));
    },
    async take(req, res) {
      const { id, key } = keyIn(req) ?? {};
      if (id === undefined || key === undefined) return undefined;
      const form = await loginStore.takeForm(key);
      res.clearCookie(prefix + id, options);
      return opened(id, form);
    },
  };
}

/** The address of the page that offers a form again. */
export function keptFormPath(id: string, { paths }: Pick<Config, "paths">) {
  return `${paths.keptForm}?${FORM}=${id}`;
}

/** What was posted, as text; it may hold anything, so it is a secret. */
async function readKeptForm(
  req: Request,
  page: string | undefined,
  config: Config,
): Promise<Secret> {
  if (typeof req.is("application/x-www-form-urlencoded") !== "string") {
    throw notKept(
      "it is not application/x-www-form-urlencoded; files are never kept",
    );
  }
  // Parsers make one of `a[]=1` and `a=1`: what they leave is not what was posted.
  if (parsedBody(req) !== undefined) {
    throw notKept(
      "a body parser has read it; mount the parser behind kit.requireAuth({ keepsForm: true })",
    );
  }
  const address = localPath(browserPath(req.originalUrl, config));
  if (address === undefined) {
    throw notKept("its address is not a plain path of this application");
  }
  const fields = (await readForm(req, "ERR_FORM_NOT_KEPT")).toString();
  return new Secret(JSON.stringify({ address, page, fields }));
}

function notKept(reason: string): LoginKitError {
  return new LoginKitError("ERR_FORM_NOT_KEPT", {
    message: `the form was not kept: ${reason}`,
  });
}

/**
 * Not a redirect: where the application's policy has `form-action 'self'`, as
 * helmet's has, browsers hold every redirect that follows a form against it,
 * and the provider is elsewhere.
 */
function sendToLogin(res: Response, loginUrl: string, config: Config): void {
  res.set({ Refresh: `0; url=${loginUrl}`, "Referrer-Policy": "no-referrer" });
  sendPage(res, config, (say) => ({
    title: say("sign-in-first.title"),
    content: `<p>${say("sign-in-first.text")}</p>
<p><a class="action" href="${escapeHtml(loginUrl)}">${say("action.sign-in")}</a></p>`,
  }));
}

function opened(id: string, form: Secret | undefined): KeptForm | undefined {
  if (form === undefined) return undefined;
  const { address, page, fields } = JSON.parse(form.reveal()) as {
    readonly address: string;
    readonly page?: string;
    readonly fields: string;
  };
  return { id, address, page, fields: new URLSearchParams(fields) };
}

function cookiesOf(req: Request): Record<string, string | undefined> {
  return parse(req.headers.cookie ?? "");
}

function isOne(name: string, prefix: string): boolean {
  return name.startsWith(prefix) && ID.test(name.slice(prefix.length));
}

/** When a form was kept, by its cookie. The browser may have altered it; it only decides which makes room. */
function timeIn(cookie: string): number {
  return Number.parseInt(cookie, 36) || 0;
}

function digest(value: string): string {
  return createHash("sha256").update(value).digest("base64url");
}
