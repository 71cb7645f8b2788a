/** Two signed-in users whose forwarded requests share few connections, to a resource server that answers with token and target. */
import { Agent, request as httpRequest } from "node:http";

import { lyingWorld } from "./lying-world.js";

/** A user with a cookie of their own, and the `Authorization` that goes with it. */
export interface SharingUser {
  readonly cookie: string;
  readonly token: string;
}

/** What came back. */
export interface SharedAnswer {
  readonly status: number;
  readonly body: string;
}

/** Both users, and what asks for them. */
export interface TwoUsers {
  readonly alice: SharingUser;
  readonly bob: SharingUser;
  /** A script's GET below `/api`. */
  readonly get: (path: string, cookie: string) => Promise<SharedAnswer>;
  readonly close: () => Promise<void>;
}

/** @param atATime how many requests the test has under way; there are fewer connections, so that each serves both users */
export async function twoUsers(
  resourceServer: string,
  atATime: number,
): Promise<TwoUsers> {
  const w = await lyingWorld({
    kit: {
      resourceServers: {
        orders: { url: `${resourceServer}/v1`, maxConnections: 8 },
      },
    },
    routes(app, kit) {
      app.use("/api", kit.requireAuth(), kit.forward("orders"));
    },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: atATime });
  const get: TwoUsers["get"] = (path, cookie) =>
    new Promise((resolve, reject) => {
      const headers = { cookie, "sec-fetch-site": "same-origin" };
      httpRequest(`${w.url}/api${path}`, { agent, headers }, (res) => {
        let body = "";
        res.setEncoding("utf8");
        res.on("data", (chunk: string) => (body += chunk));
        res.on("end", () => {
          resolve({ status: res.statusCode ?? 0, body });
        });
        res.on("error", reject);
      })
        .on("error", reject)
        .end();
    });
  const signedIn = async (user: string): Promise<SharingUser> => {
    const browser = await w.signIn(user);
    const cookie = await browser.jar.getCookieString(w.url);
    const { body } = await get("/first", cookie);
    return { cookie, token: body.replace(" /v1/first", "") };
  };
  return {
    alice: await signedIn("alice"),
    bob: await signedIn("bob"),
    get,
    async close() {
      agent.destroy();
      await w.close();
    },
  };
}
