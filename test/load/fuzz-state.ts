/** What the requests of the fuzz run need of the world: live logins, logins in progress, tokens. */
import type { LyingProvider } from "../support/lying-provider.js";
import type { TestBrowser } from "../support/test-browser.js";
import { mark } from "./fuzz-judge.js";
import type { FuzzRequest } from "./fuzz-requests.js";

/** Fills the requests in. */
export interface FuzzState {
  /** The text, with what the names between tildes stand for. */
  readonly filled: (text: string, token: string) => string;
  /** A request as bytes, each one character. */
  readonly written: (request: FuzzRequest, token: string) => string;
}

/** How many there are of each. */
const USERS = 30;
const IN_PROGRESS = 300;
const LOGOUTS = 20;

/** Gets all that a stage uses up. */
export async function fuzzState(
  url: string,
  provider: LyingProvider,
  stage: number,
  signIn: (user: string) => Promise<TestBrowser>,
): Promise<FuzzState> {
  const name = (at: number): string => `user-${String(stage)}-${String(at)}`;
  const sessions: string[] = [];
  for (let at = 0; at < USERS; at++) {
    sessions.push(await sessionOf(await signIn(name(at)), url));
  }
  const transactions = await Promise.all(
    Array.from({ length: IN_PROGRESS }, () => beginLogin(url)),
  );
  const gone = sessions.pop() ?? "";
  await fetch(`${url}/logout`, {
    method: "POST",
    headers: { cookie: `session=${gone}`, "x-csrf-protection": "1" },
  });
  const logoutTokens = Array.from({ length: LOGOUTS }, (_, at) =>
    provider.logoutToken({ sub: `nobody-${String(at)}` }),
  );
  // The first users' sessions at the provider end; the others' go on.
  const sids = sessions
    .slice(0, 5)
    .map((_session, at) => provider.sidOf(name(at)));
  const idToken = [...provider.idTokens.keys()].at(-1) ?? "";

  let turn = 0;
  const next = (values: readonly string[]): string =>
    values[turn++ % values.length] ?? "";
  const filled: FuzzState["filled"] = (text, token) => {
    const transaction = transactions[turn++ % transactions.length];
    const values: Readonly<Record<string, () => string>> = {
      mark: () => mark(token),
      token: () => token,
      app: () => url,
      host: () => new URL(url).host,
      issuer: () => provider.issuer,
      session: () => next(sessions),
      gone: () => gone,
      state: () => transaction?.state ?? "",
      transaction: () => transaction?.cookie ?? "",
      logoutToken: () => next(logoutTokens),
      idToken: () => idToken,
      sid: () => next(sids),
    };
    return text.replace(
      /~(?<name>[A-Za-z]+)(?<isEncoded>!?)~/g,
      (all, key: string, isEncoded: string) => {
        const value = values[key]?.() ?? all;
        return isEncoded === "" ? value : encodeURIComponent(value);
      },
    );
  };
  return {
    filled,
    written({ method, target, lines, body, isChunked }, token) {
      const bytes = filled(Buffer.from(body).toString("latin1"), token);
      const length = bytes.length;
      const framing =
        method === "GET" || method === "HEAD"
          ? []
          : isChunked
            ? ["Transfer-Encoding: chunked"]
            : [`Content-Length: ${String(length)}`];
      const head = filled(
        [
          `${method} ${target} HTTP/1.1`,
          "Host: ~host~",
          ...lines,
          ...framing,
        ].join("\r\n"),
        token,
      );
      return `${head}\r\n\r\n${framing.length > 0 && isChunked ? chunked(bytes) : bytes}`;
    },
  };
}

function chunked(bytes: string): string {
  const half = Math.ceil(bytes.length / 2);
  return [bytes.slice(0, half), bytes.slice(half)]
    .filter((chunk) => chunk !== "")
    .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`)
    .concat("0\r\n\r\n")
    .join("");
}

async function sessionOf(browser: TestBrowser, url: string): Promise<string> {
  const cookies = await browser.jar.getCookies(url);
  return cookies.find(({ key }) => key === "session")?.value ?? "";
}

async function beginLogin(
  url: string,
): Promise<{ state: string; cookie: string }> {
  const answer = await fetch(`${url}/login`, { redirect: "manual" });
  const location = new URL(answer.headers.get("location") ?? "");
  return {
    state: location.searchParams.get("state") ?? "",
    cookie: answer.headers.getSetCookie()[0]?.split(";")[0] ?? "",
  };
}
