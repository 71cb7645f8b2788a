/** Whether an application that runs has the kit where browsers and the provider look for it. */
import type { Config } from "../../config/config.js";
import { createDiscovery } from "../../provider/discovery.js";
import type { Finding } from "../findings.js";

const SUBJECT = "application";

/** How long the application may take for an answer, in milliseconds. */
const TIMEOUT_MS = 10_000;

/**
 * Asks it as a browser without a login would.
 *
 * @param url where it answers, such as `http://localhost:3000`
 */
export async function checkApplication(
  url: string,
  config: Config,
): Promise<readonly Finding[]> {
  let session: Response;
  try {
    session = await ask(url + config.paths.session);
  } catch (error) {
    const { cause, message } = error as Error;
    return [
      {
        check: "answer",
        subject: SUBJECT,
        severity: "error",
        cause: `${url} does not answer: ${cause instanceof Error ? cause.message : message}`,
        remedy: "Start the application, or correct --url",
      },
    ];
  }
  return [
    address(url, config),
    ...(await sessionStatus(session, config)),
    ...(await loginAddress(url, config)),
    ...(await signOut(url, config)),
    ...transport(session, config),
  ];
}

function address(url: string, { baseUrls, basePath }: Config): Finding {
  const where = { check: "address", subject: SUBJECT } as const;
  const isOwn = baseUrls.some((baseUrl) => url === baseUrl + basePath);
  return isOwn || baseUrls.includes(url)
    ? { ...where, severity: "ok", cause: `${url} is baseUrl` }
    : {
        ...where,
        severity: "note",
        cause: `${url} is not baseUrl (${baseUrls.join(", ")}), so what a proxy between them does is not seen`,
        remedy: "Where browsers reach it, ask once more with that address",
      };
}

async function sessionStatus(
  answer: Response,
  { paths }: Config,
): Promise<Finding[]> {
  const where = { check: "mounting", subject: SUBJECT } as const;
  const { status, headers } = answer;
  const text = await answer.text();
  if (status === 421) {
    return [
      {
        ...where,
        severity: "error",
        cause: `${answer.url} is answered by 421: this host is none of baseUrl's`,
        remedy:
          "Name the host in baseUrl; behind a proxy that changes Host set Express's trust proxy",
        link: "docs/several-providers.md#several-hosts",
      },
    ];
  }
  if (status !== 200 || !text.includes('"active"')) {
    return [
      {
        ...where,
        severity: "error",
        cause: `${paths.session} is answered by ${String(status)}${status >= 300 && status < 400 ? ` to ${headers.get("location") ?? ""}` : ""}, and not by the kit`,
        remedy:
          status >= 300 && status < 500 && status !== 404
            ? "Mount app.use(kit.routes) before your guards and your own redirects"
            : "Mount app.use(kit.routes) at the root, before routes of your own",
        link: "docs/api.md#kitroutes",
      },
    ];
  }
  return [
    { ...where, severity: "ok", cause: "kit.routes answers" },
    caching(headers, paths.session),
  ];
}

function caching(headers: Headers, path: string): Finding {
  const policy = headers.get("cache-control") ?? "";
  const where = { check: "caching", subject: SUBJECT } as const;
  return policy.includes("no-store")
    ? { ...where, severity: "ok", cause: `${path} is stored by nobody` }
    : {
        ...where,
        severity: "error",
        cause: `${path} comes with Cache-Control: ${policy === "" ? "nothing" : policy}, and what is behind it may be given to others`,
        remedy:
          "Look for what replaces the header: a proxy, a CDN, or middleware that runs behind the kit",
        link: "docs/security.md",
      };
}

async function loginAddress(url: string, config: Config): Promise<Finding[]> {
  const where = { check: "sign-in", subject: SUBJECT } as const;
  const [provider] = config.providers.values();
  // Of several the user has to be asked.
  if (provider === undefined || config.hasSeveralProviders) return [];
  const answer = await ask(url + config.paths.login);
  const { status, headers } = answer;
  const location = headers.get("location");
  if (status !== 303 || location === null) {
    return [
      {
        ...where,
        severity: "error",
        cause: `${config.paths.login} is answered by ${String(status)}, and not sent to the provider`,
        remedy: "See what the application logs: logEvents(kit.events, console)",
        link: "docs/errors.md",
      },
    ];
  }
  const { metadata } = await createDiscovery(provider, Date.now)();
  const target = new URL(location, url);
  const endpoint = metadata.authorization_endpoint ?? "";
  if (!target.href.startsWith(endpoint)) {
    const isItself = target.pathname === config.paths.login;
    return [
      {
        ...where,
        severity: "error",
        cause: `${config.paths.login} leads to ${target.origin}${target.pathname}, and not to ${endpoint}`,
        remedy: isItself
          ? "A guard stands before kit.routes: mount app.use(kit.routes) first"
          : "The application runs with other options than these; look at its issuer",
        link: "docs/api.md#kitroutes",
      },
    ];
  }
  return [
    redirectsBack(target, provider.callbackPath, config),
    ...cookie(headers, config),
  ];
}

function redirectsBack(
  target: URL,
  callbackPath: string,
  { baseUrls }: Config,
): Finding {
  const where = { check: "sign-in", subject: SUBJECT } as const;
  const sent = target.searchParams.get("redirect_uri");
  const expected = baseUrls.map((baseUrl) => baseUrl + callbackPath);
  // A pushed request has it at the provider alone.
  return sent === null || expected.includes(sent)
    ? { ...where, severity: "ok", cause: "leads to the provider" }
    : {
        ...where,
        severity: "error",
        cause: `the application sends ${sent} as redirect URI, and these options say ${expected.join(", ")}`,
        remedy: "Give both the same baseUrl",
        link: "docs/options.md",
      };
}

function cookie(headers: Headers, { secureCookies }: Config): Finding[] {
  const cookies = headers.getSetCookie();
  const where = { check: "cookies", subject: SUBJECT } as const;
  if (cookies.length === 0) {
    return [
      {
        ...where,
        severity: "error",
        cause: "the answer of the login address sets no cookie",
        remedy:
          "Look for what takes Set-Cookie away: a proxy or CDN that caches, or hides headers",
        link: "docs/how-it-works.md#cookies",
      },
    ];
  }
  const open = cookies.filter(
    (one) =>
      !/;\s*httponly/i.test(one) || (secureCookies && !/;\s*secure/i.test(one)),
  );
  return open.length === 0
    ? [{ ...where, severity: "ok", cause: "cookies come as the kit sets them" }]
    : [
        {
          ...where,
          severity: "error",
          cause: "cookies come without HttpOnly or Secure",
          remedy: "Look for what rewrites Set-Cookie on the way",
          link: "docs/how-it-works.md#cookies",
        },
      ];
}

async function signOut(url: string, { paths }: Config): Promise<Finding[]> {
  const where = { check: "sign-out", subject: SUBJECT } as const;
  const answer = await fetch(url + paths.logout, {
    method: "POST",
    redirect: "manual",
    // As a script of the application's own pages; without a cookie it ends nothing.
    headers: { "x-csrf-protection": "1", accept: "application/json" },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  await answer.body?.cancel();
  const { status } = answer;
  return status < 400
    ? [{ ...where, severity: "ok", cause: "a POST reaches the kit" }]
    : [
        {
          ...where,
          severity: "error",
          cause: `POST ${paths.logout} is answered by ${String(status)}`,
          remedy:
            status === 403
              ? "Something before the kit refuses it, such as CSRF middleware: the kit has a check of its own; mount kit.routes first"
              : "Mount app.use(kit.routes) before routes of your own",
          link: "docs/ending-logins.md",
        },
      ];
}

function transport(
  { headers }: Response,
  { secureCookies }: Config,
): Finding[] {
  if (!secureCookies || headers.has("strict-transport-security")) return [];
  return [
    {
      check: "transport",
      subject: SUBJECT,
      severity: "note",
      cause: "no Strict-Transport-Security: a first visit may come by http",
      remedy: "Set it, for example with helmet",
      link: "docs/security.md",
    },
  ];
}

function ask(url: string): Promise<Response> {
  return fetch(url, {
    redirect: "manual",
    headers: {
      accept: "text/html",
      "sec-fetch-mode": "navigate",
      "sec-fetch-site": "none",
    },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
}
