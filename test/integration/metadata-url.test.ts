/** The option `metadataUrl`: metadata that is not where the issuer says. */
import { afterEach, expect, test } from "@jest/globals";

import {
  lyingWorld,
  type LyingWorld,
  type LyingWorldOptions,
} from "../support/lying-world.js";
import type { LyingProvider } from "../support/lying-provider.js";
import { createTestBrowser } from "../support/test-browser.js";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** A provider with its metadata at one address, and an application that asks at another. */
async function start(
  served: string,
  asked = served,
  options: LyingWorldOptions = {},
): Promise<LyingWorld> {
  const w = await lyingWorld({
    ...options,
    kit: (provider: LyingProvider) => ({ metadataUrl: provider.url + asked }),
  });
  ends.push(w.close);
  w.provider.misbehave = {
    intercept(req, res, next) {
      if (!req.path.includes("well-known") && !req.path.includes("metadata")) {
        next();
      } else if (req.originalUrl !== served) res.status(404).json({});
      else {
        req.url = "/.well-known/openid-configuration";
        next();
      }
    },
  };
  return w;
}

const errorPage = async ({ url }: LyingWorld): Promise<string> =>
  (await createTestBrowser().navigate(`${url}/login`)).body;

test.each([
  "/.well-known/oauth-authorization-server",
  "/.well-known/oauth-authorization-server/tenant/one",
  "/tenant/v2.0/.well-known/openid-configuration?p=b2c_1_signin&x=a%20b",
  "/metadata.json",
])("a user signs in with the metadata at %s", async (address) => {
  const w = await start(address);
  await w.signIn("alice");
  expect(w.provider.requests[0]).toBe(`GET ${address.split("?")[0] ?? ""}`);
});

test("DISC-05: the issuer in it is compared letter by letter with the option", async () => {
  const address = "/.well-known/oauth-authorization-server";
  const w = await start(address);
  const { intercept } = w.provider.misbehave;
  w.provider.misbehave = {
    ...(intercept && { intercept }),
    metadata: (right) => ({ ...right, issuer: `${w.provider.issuer}/` }),
  };
  const page = await errorPage(w);
  expect(page).toContain("ERR_DISCOVERY_INVALID");
  expect(page).toContain(
    `issuer is ${w.provider.issuer}/, but the option issuer is ${w.provider.issuer}`,
  );
});

test("where there is none, the failure names the address", async () => {
  const w = await start("/metadata.json", "/metadata");
  const page = await errorPage(w);
  expect(page).toContain("ERR_DISCOVERY_INVALID");
  expect(page).toContain(`no metadata from ${w.provider.issuer}/metadata:`);
  expect(page).toContain("status 404");
});

test("a redirect is not followed, and the failure names the option", async () => {
  const w = await start("/metadata.json");
  w.provider.misbehave = {
    intercept: (_req, res) => {
      res.redirect(302, "/.well-known/openid-configuration");
    },
  };
  expect(await errorPage(w)).toContain(
    "a redirect, which is not followed; set metadataUrl to the address where the metadata is",
  );
  expect(w.provider.requests).toEqual(["GET /metadata.json"]);
});
