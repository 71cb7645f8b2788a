/** A relying party without the kit: openid-client, the lying provider and a browser. */
import { type IncomingHttpHeaders } from "node:http";

import express, { type Express } from "express";
import { createRemoteJWKSet, jwtVerify, type JWTVerifyResult } from "jose";
import * as oidc from "openid-client";

import { listening } from "../../lib/testing/listening.js";
import {
  type LyingProvider,
  type LyingProviderClient,
  type LyingProviderOptions,
  startLyingProvider,
} from "./lying-provider.js";
import {
  createTestBrowser,
  type Page,
  type TestBrowser,
} from "./test-browser.js";

export const CLIENT_ID = "shop";
// Characters that client_secret_basic has to encode are part of the test.
export const CLIENT_SECRET = "a secret-with_odd.characters:/+%";
export const STATE = "a state";
export const NONCE = "a nonce";

const CODE_VERIFIER = oidc.randomPKCECodeVerifier();

/** A request to the back-channel logout URI. */
export interface ReceivedNotice {
  readonly headers: IncomingHttpHeaders;
  readonly form: Readonly<Record<string, string>>;
}

/** The relying party with those whom it has to do with. */
export interface Scene {
  readonly provider: LyingProvider;
  readonly appUrl: string;
  readonly config: oidc.Configuration;
  readonly browser: TestBrowser;
  /** What the back-channel logout URI was sent. */
  readonly notices: ReceivedNotice[];
}

/** How a scene differs from the usual one. */
export interface SceneOptions extends Omit<LyingProviderOptions, "clients"> {
  readonly client?: Partial<LyingProviderClient>;
  readonly authentication?: oidc.ClientAuth;
  /** Whether a front-channel logout URI is registered. Default false. */
  readonly frontchannel?: boolean;
}

const ends: (() => Promise<void>)[] = [];

/** Ends what the scenes have started; for `afterEach`. */
export async function closeScenes(): Promise<void> {
  await Promise.all(ends.splice(0).map((end) => end()));
}

/** Starts a relying party and its provider. */
export async function scene({
  client,
  authentication,
  frontchannel = false,
  ...options
}: SceneOptions = {}): Promise<Scene> {
  const app = await listening();
  const notices: ReceivedNotice[] = [];
  app.serve(createApp(notices));
  ends.push(app.close);
  const provider = await startLyingProvider({
    ...options,
    clients: [
      {
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        redirectUris: [`${app.url}/callback`],
        postLogoutRedirectUris: [`${app.url}/signed-out`],
        backchannelLogoutUri: `${app.url}/backchannel-logout`,
        ...(frontchannel && {
          frontchannelLogoutUri: `${app.url}/frontchannel-logout?tenant=1`,
        }),
        ...client,
      },
    ],
  });
  ends.push(provider.close);
  return {
    provider,
    appUrl: app.url,
    config: await discovered(provider, authentication),
    browser: createTestBrowser(),
    notices,
  };
}

/** A configuration with empty caches. */
export function discovered(
  { issuer, clients: [client] }: LyingProvider,
  authentication = oidc.ClientSecretBasic(CLIENT_SECRET),
): Promise<oidc.Configuration> {
  const metadata = {
    id_token_signed_response_alg: client?.idTokenSignedResponseAlg ?? "RS256",
  };
  return oidc.discovery(new URL(issuer), CLIENT_ID, metadata, authentication, {
    execute: [
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- on loopback
      oidc.allowInsecureRequests,
      oidc.enableNonRepudiationChecks,
    ],
  });
}

/** Where a login begins. */
export async function authorizationUrl(
  { config, appUrl }: Scene,
  parameters: Readonly<Record<string, string>> = {},
): Promise<URL> {
  return oidc.buildAuthorizationUrl(config, {
    redirect_uri: `${appUrl}/callback`,
    code_challenge: await oidc.calculatePKCECodeChallenge(CODE_VERIFIER),
    code_challenge_method: "S256",
    scope: "openid profile",
    state: STATE,
    nonce: NONCE,
    ...parameters,
  });
}

/** The browser at the authorization endpoint; its answer is not followed. */
export async function authorize(
  s: Scene,
  parameters?: Readonly<Record<string, string>>,
): Promise<Page> {
  return await s.browser.navigate(await authorizationUrl(s, parameters), {
    stopBefore: ({ pathname }) => pathname === "/callback",
  });
}

/** The authorization response that a page redirects with. */
export function answerOf({ response }: Page): URL {
  return new URL(response.headers.get("location") ?? "");
}

/** Redeems the code of an authorization response, with every check there is. */
export function redeem(
  { config }: Scene,
  answer: URL,
): ReturnType<typeof oidc.authorizationCodeGrant> {
  return oidc.authorizationCodeGrant(config, answer, {
    pkceCodeVerifier: CODE_VERIFIER,
    expectedState: STATE,
    expectedNonce: NONCE,
    idTokenExpected: true,
  });
}

/** A whole login. */
export async function login(
  s: Scene,
  parameters?: Readonly<Record<string, string>>,
): ReturnType<typeof redeem> {
  return await redeem(s, answerOf(await authorize(s, parameters)));
}

/** Login, then the end-session request; the page where the browser ends up. */
export async function logout(
  s: Scene,
  parameters?: Readonly<Record<string, string>>,
): Promise<Page> {
  const { id_token: idToken = "" } = await login(s);
  const url = oidc.buildEndSessionUrl(s.config, {
    id_token_hint: idToken,
    post_logout_redirect_uri: `${s.appUrl}/signed-out`,
    state: "a logout state",
    ...parameters,
  });
  return await s.browser.navigate(url);
}

/** What jose finds in a token that the provider has signed for this client. */
export function verified(
  { provider: { issuer } }: Scene,
  token: string,
): Promise<JWTVerifyResult> {
  return jwtVerify(token, createRemoteJWKSet(new URL(`${issuer}/jwks`)), {
    issuer,
    audience: CLIENT_ID,
    algorithms: ["RS256"],
  });
}

function createApp(notices: ReceivedNotice[]): Express {
  const app = express();
  const form = express.urlencoded({ extended: false });
  app.post("/backchannel-logout", form, (req, res) => {
    notices.push({
      headers: req.headers,
      form: req.body as Record<string, string>,
    });
    res.set("Cache-Control", "no-store").send("noted");
  });
  app.get("/{*path}", (_req, res) => {
    res.send("a page of the application");
  });
  return app;
}
