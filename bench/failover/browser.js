/** A browser with one user, who signs in, asks for pages, and signs out. */
/* global URL */
import { Agent, request } from "node:http";

const agent = new Agent({ keepAlive: true, maxSockets: 200 });

/** Longer than the kit waits for anything that a request needs. */
const GIVE_UP_MS = 15_000;

/**
 * Creates one.
 *
 * @param baseUrl where the browser believes that it is; a balancer chooses the process
 */
export function createBrowser(user, baseUrl) {
  const cookies = new Map();
  const { origin, host } = new URL(baseUrl);

  /** @returns status 0: no answer */
  const ask = async (port, path, method = "GET") => {
    const answer = await exchange({
      port,
      path,
      method,
      headers: {
        host,
        accept: "application/json",
        "x-csrf-protection": "1",
        cookie: [...cookies]
          .map(([name, value]) => `${name}=${value}`)
          .join("; "),
      },
    });
    for (const line of answer.headers["set-cookie"] ?? []) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (/Max-Age=0|Expires=Thu, 01 Jan 1970/i.test(line))
        cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  };

  return {
    user,
    ask,
    /** A stream that stays open; undefined: there is none. */
    listen: (port, path) =>
      opened({
        port,
        path,
        headers: {
          host,
          accept: "text/event-stream",
          "sec-fetch-site": "same-origin",
          cookie: [...cookies]
            .map(([name, value]) => `${name}=${value}`)
            .join("; "),
        },
      }),
    /** Whether the user is signed in now, as far as the browser was told. */
    async signIn(portOf) {
      const login = `/login?return_to=/me&login_hint=${encodeURIComponent(user)}`;
      let answer = await ask(portOf(), login);
      for (let step = 0; step < 5 && answer.status === 303; step++) {
        const next = new URL(answer.headers.location, baseUrl);
        if (next.origin !== origin) {
          answer = await exchange({
            port: next.port,
            path: next.pathname + next.search,
            method: "GET",
            headers: { host: next.host },
          });
          continue;
        }
        // The cookie of a login that is live.
        if (next.pathname === "/me") return true;
        answer = await ask(portOf(), next.pathname + next.search);
      }
      return false;
    },
    /** Whether the application said that the login is over. */
    async signOut(port) {
      const before = new Map(cookies);
      const { status } = await ask(port, "/logout", "POST");
      // Somebody who has kept the cookie tries it again.
      cookies.clear();
      for (const [name, value] of before) cookies.set(name, value);
      return status === 200;
    },
  };
}

function opened(options) {
  return new Promise((resolve) => {
    const asked = request({ ...options, host: "127.0.0.1" }, (answer) => {
      let text = "";
      let over = false;
      const end = () => (over = true);
      answer.setEncoding("utf8");
      answer.on("data", (part) => (text += part));
      answer.on("error", end);
      answer.on("close", end);
      const close = () => asked.destroy();
      if (answer.statusCode === 200) {
        resolve({ text: () => text, isOver: () => over, close });
        return;
      }
      close();
      resolve(undefined);
    });
    asked.on("error", () => {
      resolve(undefined);
    });
    asked.end();
  });
}

function exchange(options) {
  return new Promise((resolve) => {
    const failed = () => {
      resolve({ status: 0, headers: {}, body: "" });
    };
    const asked = request(
      { ...options, host: "127.0.0.1", agent, timeout: GIVE_UP_MS },
      (answer) => {
        let body = "";
        answer.setEncoding("utf8");
        answer.on("data", (part) => (body += part));
        answer.on("error", failed);
        answer.on("end", () => {
          const { statusCode: status, headers } = answer;
          resolve({ status, headers, body });
        });
      },
    );
    asked.on("timeout", () => asked.destroy());
    asked.on("error", (error) => {
      // A connection that the server was just closing: a browser asks again.
      if (asked.reusedSocket && error.code === "ECONNRESET") {
        exchange(options).then(resolve, failed);
      } else failed();
    });
    asked.end();
  });
}
