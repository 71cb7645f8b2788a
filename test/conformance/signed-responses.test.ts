/** The modules of the FAPI 2.0 Message Signing plan about signed answers (JARM), and what else such an answer may not be. */
import { describe, expect, test } from "@jest/globals";

import type { LoginKitOptions } from "../../lib/index.js";
import type { TokenLie } from "../support/lying-provider.js";
import { type LyingWorldOptions, lyingWorld } from "../support/lying-world.js";
import { withBrokenSignature } from "../support/lying-provider.js";
import { createTestBrowser, type Page } from "../support/test-browser.js";
import { CLIENT_ID } from "../support/world.js";

const MODULE = "fapi2-security-profile-final-client-test-";

type Mode = "query.jwt" | "form_post.jwt";

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

async function inWorld(
  mode: Mode,
  run: (
    w: Omit<Awaited<ReturnType<typeof lyingWorld>>, "signIn"> & {
      readonly signIn: () => Promise<Page>;
      readonly diagnoses: readonly string[];
    },
  ) => Promise<void>,
  {
    kit,
    ...options
  }: Omit<LyingWorldOptions, "kit"> & { kit?: Partial<LoginKitOptions> } = {},
): Promise<void> {
  const w = await lyingWorld({
    provider: { offers: { signedResponses: "offered" } },
    ...options,
    kit: { responseMode: mode, ...kit },
  });
  const diagnoses: string[] = [];
  w.kit.events.on("login.failed", ({ code, diagnosis }) => {
    diagnoses.push(`${code} ${diagnosis}`);
  });
  const signIn = async (): Promise<Page> => {
    const browser = createTestBrowser();
    const page = await browser.navigate(`${w.url}/login?return_to=/me`);
    if (!page.body.includes("document.forms[0].submit()")) return page;
    return browser.submitForm(page, {}, { initiator: "https://op.example/" });
  };
  await run({ ...w, signIn, diagnoses }).finally(w.close);
}

/** The suite: no call may follow. */
async function expectRefused(
  mode: Mode,
  responseToken: TokenLie,
  told: string,
): Promise<void> {
  await inWorld(mode, async ({ provider, signIn, diagnoses }) => {
    provider.misbehave = { responseToken };
    const page = await signIn();
    expect(page.response.status).toBe(400);
    expect(diagnoses).toEqual([
      expect.stringContaining(`ERR_CALLBACK_MALFORMED ${told}`),
    ]);
    expect(provider.requests).not.toContain("POST /token");
  });
}

const REFUSED = "the signed authorization response was refused: ";

const FAULTS: readonly (readonly [
  module: string,
  lie: () => TokenLie,
  told: string,
])[] = [
  [
    "ensure-jarm-without-iss-fails",
    () => ({ claims: { iss: undefined } }),
    REFUSED,
  ],
  [
    "ensure-jarm-with-invalid-iss-fails",
    () => ({ claims: { iss: "https://other.example" } }),
    REFUSED,
  ],
  [
    "ensure-jarm-without-aud-fails",
    () => ({ claims: { aud: undefined } }),
    REFUSED,
  ],
  [
    "ensure-jarm-with-invalid-aud-fails",
    () => ({ claims: { aud: `${CLIENT_ID}1` } }),
    REFUSED,
  ],
  [
    "ensure-jarm-without-exp-fails",
    () => ({ claims: { exp: undefined } }),
    REFUSED,
  ],
  [
    "ensure-jarm-with-expired-exp-fails",
    () => ({ claims: { exp: nowSeconds() - 360 } }),
    REFUSED,
  ],
  [
    "ensure-jarm-with-invalid-sig-fails",
    () => ({ token: withBrokenSignature }),
    REFUSED,
  ],
  [
    "ensure-jarm-signature-is-not-none",
    () => ({ header: { alg: "none" } }),
    `${REFUSED}it is signed with another algorithm than responseSigningAlg, RS256`,
  ],
];

// Shows: ERR_CALLBACK_MALFORMED
describe.each<Mode>(["query.jwt", "form_post.jwt"])("%s", (mode) => {
  // Shows: JARM-01
  test("a signed answer signs in", () =>
    inWorld(mode, async ({ provider, signIn }) => {
      const page = await signIn();
      expect(page.response.status).toBe(200);
      const request = provider.received.find(
        ({ path }) => path === "/authorize",
      );
      expect(request?.query.get("response_mode")).toBe(mode);
    }));

  // Shows: JARM-02, JARM-03
  test.each(FAULTS)(`${MODULE}%s: stops`, (_module, lie, told) =>
    expectRefused(mode, lie(), told),
  );

  test.each<[string, TokenLie]>([
    ["a key that nobody publishes", { key: "foreign" }],
    ["a key under another name", { key: "foreign-kid" }],
    ["the client secret", { header: { alg: "HS256" } }],
    ["another algorithm", { header: { alg: "ES256" } }],
    ["another client beside this one", { claims: { aud: [CLIENT_ID, "x"] } }],
    ["no state", { claims: { state: undefined } }],
    ["no code", { claims: { code: undefined } }],
    ["no JWT", { token: () => "a.b.c" }],
  ])("JARM-02: it is refused with %s", (_what, lie) =>
    expectRefused(mode, lie, ""),
  );

  test("JARM-04: an answer that is not signed is refused, before the token request", () =>
    inWorld(
      mode,
      async ({ signIn, provider, diagnoses }) => {
        expect((await signIn()).response.status).toBe(400);
        expect(diagnoses).toEqual([
          `ERR_CALLBACK_MALFORMED the option responseMode is ${mode}, and the authorization response is not one signed JWT`,
        ]);
        expect(provider.requests).not.toContain("POST /token");
      },
      // It does not know what it is asked for.
      { provider: {} },
    ));

  test("an error that is signed is told as such", () =>
    inWorld(mode, async ({ signIn, provider, diagnoses }) => {
      provider.misbehave = {
        authorizationResponse: ({ state = "", iss = "" }) => ({
          state,
          iss,
          error: "access_denied",
        }),
      };
      expect((await signIn()).response.status).toBe(403);
      expect(diagnoses).toEqual([
        "ERR_ACCESS_DENIED the provider answered access_denied",
      ]);
    }));

  test("new keys of the provider are fetched for it", () =>
    inWorld(mode, async ({ signIn, provider }) => {
      expect((await signIn()).response.status).toBe(200);
      await provider.rotateKeys();
      expect((await signIn()).response.status).toBe(200);
    }));
});

test("responseSigningAlg: another one than that of ID Tokens", () =>
  inWorld(
    "query.jwt",
    async ({ signIn, provider }) => {
      provider.misbehave = { responseToken: { header: { alg: "ES256" } } };
      expect((await signIn()).response.status).toBe(200);
      provider.misbehave = {};
      expect((await signIn()).response.status).toBe(400);
    },
    { kit: { responseSigningAlg: "ES256" } },
  ));

test("an error that is not signed is refused, and its words are told", () =>
  inWorld(
    "query.jwt",
    async ({ signIn, provider, diagnoses }) => {
      provider.next = { authorizationResponse: { error: "server_error" } };
      expect((await signIn()).response.status).toBe(400);
      expect(diagnoses[0]).toMatch(/the provider answered server_error$/);
    },
    { provider: {} },
  ));

test("a signed answer of one sign-in is good for no other browser", () =>
  inWorld("query.jwt", async ({ url, provider }) => {
    const victim = createTestBrowser();
    const page = await createTestBrowser().navigate(
      `${url}/login?return_to=/me`,
      { stopBefore: ({ pathname }) => pathname === "/callback" },
    );
    const answer = page.response.headers.get("location") ?? "";
    expect(answer).toContain("response=");
    expect(answer).not.toContain("code=");
    expect((await victim.navigate(answer)).response.status).toBe(400);
    expect(provider.requests).not.toContain("POST /token");
  }));
