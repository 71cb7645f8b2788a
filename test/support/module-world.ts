/**
 * Where a module of the conformance suite runs: the lying provider as the suite
 * shows itself, an application that nobody has used yet, and a browser.
 */
import { expect } from "@jest/globals";

import { type ProviderOptions, loginOf } from "../../lib/index.js";
import {
  type Json,
  type LyingProviderClient,
  type Misbehaviour,
} from "./lying-provider.js";
import { type LyingWorld, lyingWorld } from "./lying-world.js";
import { moduleRules, type Variant } from "./module-rules.js";
import {
  createTestBrowser,
  type Page,
  type TestBrowser,
} from "./test-browser.js";
import { CLIENT_ID, CLIENT_SECRET } from "./world.js";

export type { Variant } from "./module-rules.js";

/** As most applications are. */
export const USUAL_VARIANT: Variant = {
  responseMode: "query",
  clientAuth: "client_secret_basic",
};

/** Exchanges with the application, one after the other, in which no call may follow the one that had to be the last. The suite waits 5 seconds. */
const EXCHANGES = 5;

/** Access tokens live so long here. */
export const ACCESS_TOKEN_SECONDS = 300;

/** The application, its provider and a browser. */
export interface ModuleWorld extends LyingWorld {
  readonly browser: TestBrowser;
  /** What the provider does wrong from now on. */
  readonly lie: (lies: Misbehaviour) => void;
  /** Signs alice in, as far as it goes. */
  readonly login: () => Promise<Page>;
  /** Requests of the application and of browsers, less those for metadata and keys. */
  readonly calls: () => string[];
}

/** How a module's world differs from the usual one. */
export interface ModuleWorldOptions {
  readonly kit?: Partial<ProviderOptions>;
  readonly client?: Partial<LyingProviderClient>;
}

/** What a module does in its world. */
export type ModuleRun = (world: ModuleWorld) => Promise<void>;

/** Runs a module by itself: every one has a new application and a new provider. */
export async function inModuleWorld(
  variant: Variant,
  run: ModuleRun,
  { kit, client }: ModuleWorldOptions = {},
): Promise<void> {
  const { responseMode, clientAuth } = variant;
  const scope = kit?.scope ?? "openid profile";
  const rules = moduleRules({
    ...variant,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    scope,
  });
  const world = await lyingWorld({
    provider: {
      path: "/test/a/alias/",
      accessTokenSeconds: ACCESS_TOKEN_SECONDS,
      watch: rules.middleware,
      misbehave: asTheSuite({}),
    },
    client: { tokenEndpointAuthMethod: clientAuth, ...client },
    // A positive module waits for the UserInfo request.
    kit: { scope, userInfo: true, responseMode, clientAuth, ...kit },
    routes(app, { requireAuth }) {
      app.get("/userinfo", requireAuth(), async (req, res) => {
        res.json(await loginOf(req).userInfo());
      });
      app.get("/claims", requireAuth(), (req, res) => {
        res.json(loginOf(req).claims);
      });
    },
  });
  const browser = createTestBrowser();
  const failure = await run({
    ...world,
    browser,
    lie(lies) {
      world.provider.misbehave = asTheSuite(lies);
    },
    login: () => login(world, browser, variant),
    calls: () =>
      world.provider.requests.filter(
        (request) => !/ \/(?:\.well-known\/|jwks)/.test(request),
      ),
  }).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  await world.close();
  // First: a broken rule may be why the module did not end as it should.
  expect(rules.violations).toEqual([]);
  if (failure) throw failure.error;
}

/** The module is passed: a UserInfo request arrived, and the user is signed in. */
export function expectSignedIn({ calls, url }: ModuleWorld, page: Page): void {
  expect(calls()).toEqual(["GET /authorize", "POST /token", "GET /userinfo"]);
  expect(page.response.status).toBe(200);
  expect(page.url).toBe(`${url}/me`);
}

/** The module is passed: these calls were the last, and nobody is signed in. */
export async function expectStopped(
  { calls, statusFor, browser }: ModuleWorld,
  last: readonly string[],
): Promise<void> {
  // All parties are in this process: a call that the application had begun
  // arrives in the time of the first of them.
  for (let exchange = 0; exchange < EXCHANGES; exchange++) {
    expect(await statusFor(browser)).toBe(401);
  }
  expect(calls()).toEqual(last);
}

async function login(
  { url }: LyingWorld,
  browser: TestBrowser,
  { responseMode }: Variant,
): Promise<Page> {
  const page = await browser.navigate(`${url}/login?return_to=/me`);
  if (responseMode === "query") return page;
  // Two ports of one address are one site; the suite is another site.
  const initiator = "https://another-site.example/";
  return browser.submitForm(page, {}, { initiator });
}

/** What the suite shows of itself where the modules are not about logout. */
function asTheSuite({ metadata, ...lies }: Misbehaviour): Misbehaviour {
  return {
    authorizationResponse({ iss: _iss, session_state: _state, ...response }) {
      return response;
    },
    metadata(right) {
      const shown = suiteMetadata(right);
      return metadata?.(shown) ?? shown;
    },
    ...lies,
  };
}

/** Says nothing of PKCE and of the response's `iss`, and much that is of no use. */
function suiteMetadata(right: Json): Json {
  const shown = Object.entries(right).filter(
    ([name]) =>
      !/logout|session|revocation|^code_challenge|^authorization_response/.test(
        name,
      ),
  );
  return {
    ...Object.fromEntries(shown),
    response_types_supported: [
      "token id_token",
      "id_token",
      "code",
      "token code",
      "id_token token code",
    ],
    id_token_signing_alg_values_supported: [
      "none",
      "RS256",
      "RS384",
      "RS512",
      "PS256",
      "PS384",
      "PS512",
      "ES256",
      "ES256K",
      "EdDSA",
    ],
  };
}
