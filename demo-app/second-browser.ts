/** A second browser: a user agent with cookies of its own, which signs in through the provider's real pages. */
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

/** What it calls itself, in the list of logins. */
export const SECOND_BROWSER = "The demo's second browser";

export interface SecondBrowser {
  /** Signs in as this user at the bundled provider, and then listens for the end of its login, as a page does. */
  readonly signIn: (user: string, cookies: Cookies) => Promise<void>;
  /** Resolves when its page is told that the login has ended. */
  readonly ended: () => Promise<void>;
}

/** By name. */
export type Cookies = Readonly<Record<string, string>>;

const MAX_PAGES = 20;

/** Starts it, with no cookie. */
export function createSecondBrowser(
  baseUrl: string,
  issuer: string,
): SecondBrowser {
  // Cookies do not know ports: the application and the provider share the host's.
  const jar = new Map<string, string>();
  let ended = Promise.resolve();

  /** Goes to a page, and wherever it leads. */
  async function open(address: string, form?: URLSearchParams): Promise<Page> {
    let url = new URL(address);
    let body = form;
    for (let count = 0; count < MAX_PAGES; count += 1) {
      const answer = await send(url, body);
      const { location } = answer.headers;
      if (location === undefined) return { url, answer };
      answer.resume();
      url = new URL(location, url);
      body = undefined;
    }
    throw new Error(`${address} leads nowhere`);
  }

  async function send(url: URL, form?: URLSearchParams): Promise<Answer> {
    if (![baseUrl, issuer].includes(url.origin)) {
      throw new Error(`the second browser does not go to ${url.origin}`);
    }
    const answer = await exchange(url, form, {
      "user-agent": SECOND_BROWSER,
      cookie: [...jar].map((pair) => pair.join("=")).join("; "),
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
      "sec-fetch-site": form ? "same-origin" : "none",
    });
    for (const line of answer.headers["set-cookie"] ?? []) keep(line);
    return answer;
  }

  function keep(line: string): void {
    const [pair = "", ...attributes] = line.split(/; */);
    const [name = "", ...value] = pair.split("=");
    const expires = attributes.find((text) => /^expires=/i.test(text));
    const isGone = expires && Date.parse(expires.slice(8)) <= Date.now();
    if (isGone) jar.delete(name);
    else jar.set(name, value.join("="));
  }

  /** Presses a button of the page's form. */
  async function press(page: Page, name: string, value: string): Promise<Page> {
    const html = await text(page.answer);
    const action = /<form\s+method="post"\s+action="([^"]+)"/.exec(html)?.[1];
    if (action === undefined) {
      throw new Error(
        `the second browser stands before ${page.url.pathname} (${page.answer.statusCode}), and finds no button`,
      );
    }
    const form = new URLSearchParams({ [name]: value });
    return await open(new URL(action, page.url).href, form);
  }

  return {
    async signIn(user, cookies) {
      jar.clear();
      for (const [name, value] of Object.entries(cookies)) jar.set(name, value);
      const asked = await open(`${baseUrl}/mine`);
      const known = await press(asked, "username", user);
      const page = await press(known, "decision", "allow");
      page.answer.resume();
      ended = watch(await send(new URL("/session/events", baseUrl)));
    },
    ended: () => ended,
  };
}

type Answer = IncomingMessage;

interface Page {
  readonly url: URL;
  readonly answer: Answer;
}

/** One request. `fetch` would say of itself that it is no page load. */
function exchange(
  url: URL,
  form: URLSearchParams | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: form ? "POST" : "GET",
      headers: {
        ...headers,
        ...(form && { "content-type": "application/x-www-form-urlencoded" }),
      },
    });
    sent.once("error", reject).once("response", resolve);
    sent.end(form?.toString());
  });
}

/** Reads the event stream until it says that the login has ended. */
async function watch(stream: Answer): Promise<void> {
  let told = "";
  for await (const chunk of stream.setEncoding("utf8")) {
    told += String(chunk);
    if (told.includes("event: session-ended")) return;
  }
}
