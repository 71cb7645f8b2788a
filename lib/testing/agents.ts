/** What tests send requests with: a supertest agent, a fetch that keeps cookies, a Playwright browser context. */
import { cookieFetch, type CookieFetch } from "./cookie-fetch.js";

/** What `request.agent(app)` of supertest gives. */
export interface SupertestAgent {
  readonly jar: unknown;
  set: (header: string, value: string) => unknown;
  get: (url: string) => SupertestRequest;
  post: (url: string) => SupertestRequest;
}

/** A request that is sent when it is awaited. */
export interface SupertestRequest extends PromiseLike<{
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}> {
  redirects: (count: number) => this;
  type: (type: string) => this;
  send: (body: string) => this;
}

/** A browser context of Playwright, or a page. */
export interface PlaywrightContext {
  readonly request: {
    fetch: (
      url: string,
      options: {
        readonly method: string;
        readonly maxRedirects: number;
        readonly form?: Record<string, string>;
      },
    ) => Promise<{
      status: () => number;
      headers: () => Record<string, string>;
      text: () => Promise<string>;
    }>;
  };
}

/** What keeps the cookies of one browser. */
export type Agent = SupertestAgent | CookieFetch | PlaywrightContext;

/** An answer; redirects are not followed. */
export interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

/** An agent, whichever kind it is. */
export interface Visitor {
  /** A request to the application: GET, or POST where there is a form. */
  readonly visit: (path: string, form?: URLSearchParams) => Promise<Answer>;
  /** The same to a provider. */
  readonly visitProvider: (url: URL, form?: URLSearchParams) => Promise<Answer>;
}

/** @param url - where the application listens, for agents that do not know it */
export function visitorOf(agent: Agent, url: string | undefined): Visitor {
  if (typeof agent === "function") {
    return {
      visit: (path, form) => fetched(agent, addressOf(path, url), form),
      visitProvider: providerVisits(agent),
    };
  }
  if ("jar" in agent) {
    // For every request from now on, as scripts of the application's pages do.
    agent.set("Sec-Fetch-Site", "same-origin");
    return {
      visit: (path, form) => supertested(agent, path, form),
      visitProvider: providerVisits(agent),
    };
  }
  if ("request" in agent) {
    return {
      visit: (path, form) => browsed(agent, addressOf(path, url), form),
      visitProvider: ({ href }, form) => browsed(agent, href, form),
    };
  }
  throw new TypeError(
    "this is no agent that keeps cookies: hand over request.agent(app) of supertest, cookieFetch(url), or a browser context of Playwright",
  );
}

/** Agents that cannot leave the application get a second jar. */
const providerJars = new WeakMap<object, CookieFetch>();

function providerVisits(agent: object): Visitor["visitProvider"] {
  return ({ href, origin }, form) => {
    let jar = providerJars.get(agent);
    if (jar === undefined) {
      jar = cookieFetch(origin);
      providerJars.set(agent, jar);
    }
    return fetched(jar, href, form);
  };
}

function addressOf(path: string, url: string | undefined): string {
  return url === undefined ? path : new URL(path, url).href;
}

async function fetched(
  fetch: CookieFetch,
  address: string,
  form: URLSearchParams | undefined,
): Promise<Answer> {
  const answer = await fetch(address, {
    redirect: "manual",
    ...(form && { method: "POST", body: form }),
  });
  return {
    status: answer.status,
    location: answer.headers.get("location") ?? undefined,
    body: await answer.text(),
  };
}

async function supertested(
  agent: SupertestAgent,
  path: string,
  form: URLSearchParams | undefined,
): Promise<Answer> {
  const { status, headers, text } = await (
    form === undefined
      ? agent.get(path)
      : agent.post(path).type("form").send(form.toString())
  ).redirects(0);
  refuseSecureCookies(headers["set-cookie"]);
  const { location } = headers;
  return {
    status,
    location: typeof location === "string" ? location : undefined,
    body: text,
  };
}

/** A supertest agent speaks http: it would keep such cookies and never send them. */
function refuseSecureCookies(lines: unknown): void {
  const isSecure = [lines ?? []]
    .flat()
    .some((line) => /;\s*secure/i.test(line as string));
  if (!isSecure) return;
  throw new Error(
    "the application sets Secure cookies, which a supertest agent never sends back, because it speaks http: give the kit a baseUrl such as http://localhost:3000 in tests",
  );
}

async function browsed(
  { request }: PlaywrightContext,
  address: string,
  form: URLSearchParams | undefined,
): Promise<Answer> {
  const answer = await request.fetch(address, {
    method: form === undefined ? "GET" : "POST",
    maxRedirects: 0,
    ...(form && { form: Object.fromEntries(form) }),
  });
  return {
    status: answer.status(),
    location: answer.headers()["location"],
    body: await answer.text(),
  };
}
