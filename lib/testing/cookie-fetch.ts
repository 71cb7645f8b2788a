/** A fetch that keeps the cookies of one application. */
import { parseSetCookie } from "cookie";

/** `fetch`, for paths of an application. */
export type CookieFetch = (
  input: string | URL,
  init?: RequestInit,
) => Promise<Response>;

/**
 * A `fetch` that keeps cookies, as one browser does, and follows no redirects.
 *
 * It sends `Sec-Fetch-Site: same-origin`, as a script of your own pages does, so
 * that a POST is none from another site.
 *
 * @param url - where the application listens; paths are below it
 */
export function cookieFetch(url: string | URL): CookieFetch {
  const jar = new Map<string, string>();
  return async function fetchWithCookies(input, init) {
    const headers = new Headers(init?.headers);
    if (!headers.has("sec-fetch-site")) {
      headers.set("sec-fetch-site", "same-origin");
    }
    if (jar.size > 0) headers.set("cookie", cookieHeader(jar));
    const answer = await fetch(new URL(input, url), {
      redirect: "manual",
      ...init,
      headers,
    });
    for (const line of answer.headers.getSetCookie()) keep(jar, line);
    return answer;
  };
}

function cookieHeader(jar: ReadonlyMap<string, string>): string {
  return [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
}

function keep(jar: Map<string, string>, line: string): void {
  const { name, maxAge, expires } = parseSetCookie(line);
  const isGone =
    maxAge === undefined
      ? expires !== undefined && expires.getTime() <= Date.now()
      : maxAge <= 0;
  if (isGone) {
    jar.delete(name);
    return;
  }
  // As it was sent: nobody but the application reads it.
  const [pair = ""] = line.split(";");
  jar.set(name, pair.slice(pair.indexOf("=") + 1).trim());
}
