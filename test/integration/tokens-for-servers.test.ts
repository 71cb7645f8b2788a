/** Which token a resource server gets: its own audience, one in exchange, the application's own. */
import { afterAll, afterEach, expect, test } from "@jest/globals";
import { decodeJwt } from "jose";
import type { Configuration } from "oidc-provider";

import { recordingServer } from "../support/recording-server.js";
import { answerTokenRequests } from "../support/token-answers.js";
import { closeRedis, world, type World } from "../support/world.js";

let w: World;
afterEach(() => w.close());
afterAll(closeRedis);

const orders = (): Promise<Response> =>
  w.browser.fetchJson(`${w.app.url}/api/orders`);

const twoResources: NonNullable<Configuration["features"]> = {
  resourceIndicators: {
    enabled: true,
    useGrantedResource: () => false,
    getResourceServerInfo: (_ctx, resource) => ({
      scope: "orders:read",
      audience: resource,
      accessTokenTTL: 60,
      accessTokenFormat: "jwt",
      jwt: { sign: { alg: "RS256" } },
    }),
  },
};

// Shows: BFF-26
test("RI-04: two servers, two audiences, 100 mixed requests at once: each sees its own audience only", async () => {
  const [one, other] = await Promise.all([
    recordingServer(),
    recordingServer(),
  ]);
  w = await world({
    kit: {
      resourceServers: {
        orders: { url: one.url, resource: "urn:example:orders" },
        stock: { url: other.url, resource: "urn:example:stock" },
      },
    },
    provider: { features: twoResources },
    routes(app, kit) {
      app.use("/stock", kit.requireAuth(), kit.forward("stock"));
    },
    signedInAs: "alice",
  });
  const paths = Array.from({ length: 100 }, (_, index) =>
    index % 2 === 0 ? "/api/x" : "/stock/x",
  );
  const statuses = await Promise.all(
    paths.map(
      async (path) => (await w.browser.fetchJson(w.app.url + path)).status,
    ),
  );
  expect(statuses).toEqual(Array(100).fill(200));
  const audiences = (server: typeof one) =>
    new Set(
      server.requests.map(
        ({ headers }) =>
          decodeJwt(headers.authorization?.slice("Bearer ".length) ?? "").aud,
      ),
    );
  expect(one.requests).toHaveLength(50);
  expect([...audiences(one)]).toEqual(["urn:example:orders"]);
  expect(other.requests).toHaveLength(50);
  expect([...audiences(other)]).toEqual(["urn:example:stock"]);
  expect(w.provider.tokenRequests()).toBe(1 + 2);
  await Promise.all([one.close(), other.close()]);
});

test("RFC 8693: a server that exchanges tokens gets one for the user's access token, and nobody else does", async () => {
  const api = await recordingServer();
  w = await world({
    kit: {
      resourceServers: {
        orders: {
          url: api.url,
          resource: "https://api.example",
          tokenExchange: true,
        },
      },
    },
    provider: { features: twoResources },
    signedInAs: "alice",
  });
  const forms = answerTokenRequests(w, 200, {
    access_token: "exchanged",
    issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
    token_type: "Bearer",
    expires_in: 60,
  });
  const answers = await Promise.all([orders(), orders(), orders()]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(api.requests[0]?.headers.authorization).toBe("Bearer exchanged");
  expect(forms).toHaveLength(1);
  expect(Object.fromEntries(forms[0] ?? [])).toMatchObject({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    resource: "https://api.example",
    subject_token: expect.stringMatching(/^[A-Za-z0-9_-]{20,}$/),
    subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
  });
  await api.close();
});

test("RFC 6749 4.4: the application's own token is asked for once, and shared", async () => {
  w = await world({
    kit: {
      resourceServers: {
        orders: { url: "https://orders.example" },
        inventory: {
          url: "https://inventory.example",
          resource: "https://inventory.example",
          scope: "stock:read",
        },
      },
    },
    provider: { features: twoResources },
  });
  const forms = answerTokenRequests(w, 200, {
    access_token: `own-${String(Math.random())}`,
    token_type: "Bearer",
    expires_in: 60,
  });
  const { kit } = w.app;
  const tokens = await Promise.all(
    Array.from({ length: 20 }, () => kit.clientToken("inventory")),
  );
  expect(new Set(tokens.map(({ value }) => value)).size).toBe(1);
  expect(forms.map((form) => Object.fromEntries(form))).toEqual([
    {
      grant_type: "client_credentials",
      resource: "https://inventory.example",
      scope: "stock:read",
    },
  ]);
  await expect(kit.clientToken("unknown")).rejects.toMatchObject({
    code: "ERR_RESOURCE_NOT_ALLOWED",
  });
});
