/** A browser that signs in as fast as it can: it follows the redirect, and answers for the provider. */
import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import { URL } from "node:url";

const HEADERS = {
  Host: "shop.example",
  Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "Accept-Language": "en-US,en;q=0.9",
  "X-Forwarded-Proto": "https",
  "Sec-Fetch-Dest": "document",
  "Sec-Fetch-Mode": "navigate",
  "Sec-Fetch-Site": "none",
  "User-Agent":
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
};

const agent = new Agent({ keepAlive: true });

/**
 * One request with the browser's cookies; keeps those that come.
 *
 * @param form posted, where there is one
 */
export function visit(origin, path, cookies, form) {
  const cookie = [...cookies]
    .map(([name, value]) => `${name}=${value}`)
    .join("; ");
  return new Promise((resolve, reject) => {
    request(
      origin + path,
      {
        agent,
        method: form === undefined ? "GET" : "POST",
        headers: {
          ...HEADERS,
          ...(cookie && { Cookie: cookie }),
          ...(form && { "Content-Type": "application/x-www-form-urlencoded" }),
        },
      },
      (res) => {
        for (const line of res.headers["set-cookie"] ?? []) {
          const [pair] = line.split(";");
          const at = pair.indexOf("=");
          const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
          if (value === "") cookies.delete(name);
          else cookies.set(name, value);
        }
        const chunks = [];
        res.on("data", (chunk) => chunks.push(chunk));
        res.once("end", () => {
          resolve({
            status: res.statusCode,
            location: res.headers.location,
            body: Buffer.concat(chunks).toString(),
          });
        });
        res.once("error", reject);
      },
    )
      .once("error", reject)
      .end(form?.toString());
  });
}

/**
 * Signs a user in: two requests to the application.
 *
 * @param options.begin asks the application for the redirect to the provider
 * @returns the browser's cookies
 */
export async function signIn(
  origin,
  { sub = randomUUID(), cookies = new Map(), begin = byLink } = {},
) {
  const begun = await begin(origin, cookies);
  const answer = answerTo(begun, sub);
  const { pathname, search } = answer;
  const done = await visit(origin, pathname + search, cookies);
  if (done.status < 300 || done.status > 399) {
    throw new Error(`no sign-in: ${done.status} ${done.body}`);
  }
  return cookies;
}

function byLink(origin, cookies) {
  return visit(origin, "/login", cookies);
}

/** The provider's answer to an authorization request: a code that says what was asked for. */
export function answerTo({ status, location, body }, sub) {
  if (location === undefined) {
    throw new Error(`no redirect to the provider: ${status} ${body}`);
  }
  const asked = new URL(location);
  const {
    state,
    nonce,
    redirect_uri: redirectUri,
    code_challenge: challenge,
  } = Object.fromEntries(asked.searchParams);
  const code = Buffer.from(
    JSON.stringify({ sub, nonce, challenge, id: randomUUID() }),
  ).toString("base64url");
  const answer = new URL(redirectUri);
  answer.searchParams.set("code", code);
  if (state !== undefined) answer.searchParams.set("state", state);
  answer.searchParams.set("iss", asked.origin);
  return answer;
}
