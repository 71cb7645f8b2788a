/**
 * A browser at the level of HTTP: cookies, redirects, forms, fetch metadata.
 *
 * It sends what Chromium sends and keeps what Chromium keeps, but runs no scripts
 * and loads no subresources. It speaks http only; tests stay on the loopback
 * interface.
 */
import {
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
} from "node:http";
import { Readable } from "node:stream";

import { CookieJar } from "tough-cookie";

import {
  type BrowserRequest,
  fetchSite,
  last,
  originHeader,
  type Purpose,
  redirected,
  redirectTarget,
  refreshTarget,
  sameSiteContext,
} from "./browser-rules.js";
import {
  FORM_TYPE,
  type FormChoice,
  type Page,
  submissionOf,
} from "./form-submission.js";

export type { BrowserRequest } from "./browser-rules.js";
export type { FormChoice, Page } from "./form-submission.js";

/** A navigation. */
export interface BrowserNavigation extends BrowserRequest {
  /**
   * Ends the navigation at the redirect whose target this is true for; the page
   * is then the redirect itself, and the target is in its `Location`.
   */
  readonly stopBefore?: (target: URL) => boolean;
}

/** Which form to submit, and how the navigation goes on. */
export interface SubmitOptions extends BrowserNavigation, FormChoice {}

/** A window of a browser. */
export interface TestBrowser {
  readonly jar: CookieJar;
  /** One request of a navigation; a redirect is returned, not followed. */
  request(url: string | URL, init?: BrowserRequest): Promise<Response>;
  /** Opens a URL and follows redirects, and pages that go on by themselves, as a browser does. */
  navigate(url: string | URL, init?: BrowserNavigation): Promise<Page>;
  /** Fills in and submits a form of a page; opens what that leads to. */
  submitForm(
    page: Page,
    fields?: Readonly<Record<string, string>>,
    options?: SubmitOptions,
  ): Promise<Page>;
  /**
   * A `fetch()` of a script, on a page of the same origin unless `initiator` says
   * otherwise. A redirect is returned, not followed.
   */
  fetchJson(url: string | URL, init?: BrowserRequest): Promise<Response>;
  /** A second browser, which starts with a copy of this one's cookies. */
  clone(): TestBrowser;
  /** A second window of this browser: the same cookies. */
  tab(): TestBrowser;
}

/** What kind of browser `createTestBrowser` makes. */
export interface TestBrowserOptions {
  readonly jar?: CookieJar;
  /** Whether it knows `Sec-Fetch-*`; browsers before 2023 may not. Default true. */
  readonly sendsFetchMetadata?: boolean;
  /** Where an address is really served, as name servers and proxies would have it. Default: there. */
  readonly servedAt?: (url: URL) => URL;
}

const MAX_REDIRECTS = 20;

/** A browser with empty cookies, or with the given ones. */
export function createTestBrowser({
  jar = new CookieJar(),
  sendsFetchMetadata = true,
  servedAt = (url) => url,
}: TestBrowserOptions = {}): TestBrowser {
  return {
    jar,
    request(url, init = {}) {
      return send(init, navigationTo([new URL(url)], init));
    },
    navigate,
    submitForm(page, fields = {}, options = {}) {
      const { url, ...submission } = submissionOf(page, fields, options);
      return navigate(url, { ...submission, ...options });
    },
    fetchJson(url, init = {}) {
      const target = new URL(url);
      return send(
        { initiator: target.origin, ...init },
        {
          mode: "cors",
          destination: "empty",
          accept: "application/json",
          urls: [target],
        },
      );
    },
    clone() {
      const copy = jar.cloneSync();
      if (copy === undefined) throw new Error("the jar cannot be copied");
      return createTestBrowser({ jar: copy, sendsFetchMetadata, servedAt });
    },
    tab() {
      return createTestBrowser({ jar, sendsFetchMetadata, servedAt });
    },
  };

  async function navigate(
    url: string | URL,
    { stopBefore, ...init }: BrowserNavigation = {},
  ): Promise<Page> {
    let current: BrowserRequest = init;
    let urls: [URL, ...URL[]] = [new URL(url)];
    const chain: { url: string; status: number }[] = [];
    while (chain.length <= MAX_REDIRECTS) {
      const here = last(urls);
      const response = await send(current, navigationTo(urls, init));
      chain.push({ url: here.href, status: response.status });
      const next = refreshTarget(response);
      const target = next ?? redirectTarget(response, here);
      if (target === undefined || stopBefore?.(target) === true) {
        const body = await response.clone().text();
        return { response, body, url: here.href, chain };
      }
      // Unread, it would keep its connection open.
      await response.body?.cancel();
      if (next === undefined) {
        current = redirected(current, response.status);
        urls = [...urls, target];
      } else {
        // The page itself causes a request of its own.
        current = { initiator: here };
        urls = [target];
      }
    }
    throw new Error(
      `more than ${MAX_REDIRECTS} redirects: ${chain.map((step) => step.url).join(" -> ")}`,
    );
  }

  async function send(
    init: BrowserRequest,
    purpose: Purpose,
  ): Promise<Response> {
    const url = last(purpose.urls);
    const method = init.method ?? "GET";
    const cookies = await cookiesFor(init, purpose);
    const origin = originHeader(init, purpose);
    const headers: Record<string, string> = {
      // Wherever it is served.
      host: url.host,
      accept: purpose.accept,
      "accept-language": "en",
      ...(cookies !== "" && { cookie: cookies }),
      ...(origin !== undefined && { origin }),
      ...(sendsFetchMetadata && {
        "sec-fetch-dest": purpose.destination,
        "sec-fetch-mode": purpose.mode,
        "sec-fetch-site": fetchSite(init, purpose),
      }),
      ...(init.body instanceof URLSearchParams && {
        "content-type": FORM_TYPE,
      }),
    };
    for (const [name, value] of Object.entries(init.headers ?? {})) {
      headers[name.toLowerCase()] = value;
    }
    const response = await exchange(
      servedAt(url),
      { method, headers, ...(init.signal && { signal: init.signal }) },
      init.body?.toString(),
    );
    for (const cookie of response.headers.getSetCookie()) {
      await jar.setCookie(cookie, url.href, {
        // A browser drops a cookie that it may not keep and goes on.
        ignoreError: true,
        // A top-level navigation may set any cookie, wherever it came from.
        sameSiteContext:
          purpose.destination === "document"
            ? "strict"
            : sameSiteContext(init, purpose),
      });
    }
    return response;
  }

  async function cookiesFor(
    init: BrowserRequest,
    purpose: Purpose,
  ): Promise<string> {
    const context = sameSiteContext(init, purpose);
    const cookies = await jar.getCookies(last(purpose.urls).href, {
      sameSiteContext: context,
    });
    return cookies
      .filter(
        ({ sameSite }) =>
          // Without SameSite a cookie counts as Lax, except that Chromium lets a
          // young one go along with a top-level POST.
          context !== "none" ||
          sameSite === "none" ||
          purpose.destination === "document",
      )
      .map((cookie) => cookie.cookieString())
      .join("; ");
  }
}

/**
 * One HTTP exchange. Not `fetch`: Node's replaces `Sec-Fetch-Mode` by "cors", so
 * it cannot send a navigation.
 */
async function exchange(
  url: URL,
  options: RequestOptions,
  body: string | undefined,
): Promise<Response> {
  if (url.protocol !== "http:") {
    throw new Error(`the test browser speaks http only: ${url.href}`);
  }
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    // No agent: a connection that is kept would keep the test's server from closing.
    httpRequest(url, { ...options, agent: false }, resolve)
      .on("error", reject)
      .end(body);
  });
  const status = message.statusCode ?? 0;
  const headers = new Headers();
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const hasBody =
    options.method !== "HEAD" && ![204, 205, 304].includes(status);
  if (!hasBody) message.resume();
  return new Response(
    hasBody ? (Readable.toWeb(message) as ReadableStream) : null,
    { status, statusText: message.statusMessage ?? "", headers },
  );
}

function navigationTo(
  urls: readonly [URL, ...URL[]],
  { destination = "document" }: BrowserRequest,
): Purpose {
  return {
    mode: "navigate",
    destination,
    accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    urls,
  };
}
