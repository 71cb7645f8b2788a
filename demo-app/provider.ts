/** The bundled OpenID Provider: two users, a consent page and access tokens for the orders API. */
import { randomBytes, randomUUID } from "node:crypto";
import express from "express";
import type { Express } from "express";
import helmet from "helmet";
import { exportJWK, generateKeyPair } from "jose";
import type * as OidcProvider from "oidc-provider";
import type {
  AdapterFactory,
  ClientMetadata,
  Configuration,
  JWK,
  Provider,
} from "oidc-provider";
import { publicFolder } from "./assets.js";
import { createInteractions } from "./provider-interactions.js";
import {
  providerErrorPage,
  signedOutPage,
  signOutPage,
} from "./provider-pages.js";
import type { DemoUser } from "./provider-pages.js";
import { policyWithStepUp, STRONG_ACR } from "./provider-step-up.js";
import { createProviderStorage } from "./provider-storage.js";

/** Who can sign in. The name is enough, there are no passwords. */
export const users: readonly DemoUser[] = [
  { sub: "alice", name: "Alice", email: "alice@example.com" },
  { sub: "bob", name: "Bob", email: "bob@example.com" },
];

/** The scope that opens the orders API. */
export const ORDERS_SCOPE = "orders:read";

/** What outlives a provider that is made anew: what it has issued, its keys, and the one that signs its cookies. */
export interface ProviderMemory {
  readonly storage: AdapterFactory;
  /** The first one signs; the others are still published. */
  readonly keys: readonly JWK[];
  readonly cookieKey: string;
}

export interface DemoProviderOptions {
  /** The provider's own origin, such as `http://localhost:3001`. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /**
   * Origins of the application: `/callback` and `/logged-out` of each are
   * registered, and `/backchannel-logout` of the first.
   */
  readonly baseUrls: readonly string[];
  /** Resource indicator of the orders API; its access tokens are JWTs for this audience. */
  readonly ordersResource: string;
  /** Lifetime of every access token. Seconds, default 60: short, so that a refresh can be watched. */
  readonly accessTokenSeconds?: number;
  /** Whether users are asked for the stronger way where `acr_values` wants it. Default false. */
  readonly stepUp?: boolean;
  /** More metadata of the one client; wins over what is set here. */
  readonly client?: Partial<ClientMetadata>;
  /** What an earlier one left. Default: nothing, and a fresh signing key. */
  readonly memory?: ProviderMemory;
  /** oidc-provider's configuration; wins over what is set here. `features` and `ttl` are merged by name. */
  readonly overrides?: Configuration;
}

export interface DemoProvider {
  /** Serves everything: the protocol's endpoints and the pages. */
  readonly app: Express;
  /** The instance of oidc-provider, for its events and models. */
  readonly provider: Provider;
}

/** A memory in which nobody is signed in. Default of `keys`: a fresh one. */
export async function freshMemory(
  keys?: readonly JWK[],
): Promise<ProviderMemory> {
  return {
    storage: createProviderStorage(),
    keys: keys ?? [await createSigningKey()],
    cookieKey: randomBytes(32).toString("base64url"),
  };
}

/** Creates a provider. */
export async function createProvider(
  options: DemoProviderOptions,
): Promise<DemoProvider> {
  const oidcProvider = await importOidcProvider();
  const defaults = configuration(
    options,
    options.memory ?? (await freshMemory()),
    oidcProvider,
  );
  const provider = new oidcProvider.Provider(
    options.issuer,
    withOverrides(defaults, options.overrides ?? {}),
  );
  return { app: createApp(provider, options.baseUrls), provider };
}

function configuration(
  options: DemoProviderOptions,
  { storage, keys, cookieKey }: ProviderMemory,
  { errors: { InvalidTarget }, interactionPolicy }: typeof OidcProvider,
): Configuration {
  const accessTokenSeconds = options.accessTokenSeconds ?? 60;
  const { port } = new URL(options.issuer);
  const day = 24 * 60 * 60;
  return {
    adapter: storage,
    clients: [
      {
        client_id: options.clientId,
        client_secret: options.clientSecret,
        client_name: "The demo app",
        // Of one provider, and of each of two.
        redirect_uris: options.baseUrls.flatMap((baseUrl) =>
          ["", "/staff", "/customers"].map(
            (provider) => `${baseUrl}/callback${provider}`,
          ),
        ),
        post_logout_redirect_uris: options.baseUrls.map(
          (baseUrl) => `${baseUrl}/logged-out`,
        ),
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        backchannel_logout_uri: `${options.baseUrls[0]}/backchannel-logout`,
        // Puts `sid` into ID Tokens and Logout Tokens: which login is meant.
        backchannel_logout_session_required: true,
        ...options.client,
      },
    ],
    claims: { openid: ["sub"], profile: ["name"], email: ["email"] },
    scopes: ["openid", "offline_access"],
    pkce: { required: () => true },
    rotateRefreshToken: true,
    findAccount: (_ctx, sub) => accountOf(sub),
    clientBasedCORS: () => false,
    ...(options.stepUp === true && { acrValues: [STRONG_ACR] }),
    interactions: {
      ...(options.stepUp === true && {
        policy: policyWithStepUp(interactionPolicy),
      }),
      url: (_ctx, interaction) => `/interaction/${interaction.uid}`,
    },
    jwks: { keys: [...keys] },
    cookies: {
      keys: [cookieKey],
      // Cookies do not know ports: on one host these must not be the application's names, nor another provider's.
      names: {
        session: `demo_provider_session_${port}`,
        interaction: `demo_provider_interaction_${port}`,
        resume: `demo_provider_resume_${port}`,
      },
    },
    ttl: {
      AccessToken: accessTokenSeconds,
      AuthorizationCode: 60,
      Grant: 14 * day,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: 14 * day,
      Session: day,
    },
    // oidc-provider's dispatcher refuses loopback addresses, where the
    // application is.
    fetch(url, { dispatcher: _dispatcher, ...init } = {}) {
      return fetch(url, init);
    },
    features: {
      backchannelLogout: { enabled: true },
      devInteractions: { enabled: false },
      // Whoever sends a proof gets tokens that are bound to its key (RFC 9449).
      dPoP: { enabled: true },
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) =>
          token.clientId === client.clientId,
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource(ctx, form) {
          ctx.body = signOutPage(form);
        },
        postLogoutSuccessSource(ctx) {
          ctx.body = signedOutPage();
        },
      },
      resourceIndicators: {
        enabled: true,
        // A token request without a resource gets an opaque token for UserInfo.
        useGrantedResource: () => false,
        getResourceServerInfo(_ctx, resourceIndicator) {
          if (resourceIndicator !== options.ordersResource) {
            throw new InvalidTarget();
          }
          return {
            scope: ORDERS_SCOPE,
            audience: options.ordersResource,
            accessTokenTTL: accessTokenSeconds,
            accessTokenFormat: "jwt",
            jwt: { sign: { alg: "RS256" } },
          };
        },
      },
    },
    renderError(ctx, out) {
      ctx.type = "html";
      ctx.body = providerErrorPage(out.error, out.error_description ?? "");
    },
  };
}

function withOverrides(
  base: Configuration,
  overrides: Configuration,
): Configuration {
  return {
    ...base,
    ...overrides,
    ttl: { ...base.ttl, ...overrides.ttl },
    // The union of allowed combinations is too fine for a spread to keep.
    features: {
      ...base.features,
      ...overrides.features,
    } as NonNullable<Configuration["features"]>,
  };
}

function accountOf(sub: string) {
  const user = users.find((candidate) => candidate.sub === sub);
  if (user === undefined) return undefined;
  return {
    accountId: user.sub,
    // Which of these claims are told is decided by the granted scopes.
    claims: () => ({ sub: user.sub, name: user.name, email: user.email }),
  };
}

/** Serves the pages that oidc-provider leaves to its operator, then oidc-provider itself. */
function createApp(provider: Provider, baseUrls: readonly string[]): Express {
  const app = express();
  app.use(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          styleSrc: ["'self'"],
          imgSrc: ["'self'"],
          // oidc-provider adds the hash of its one script (form_post) to this directive.
          scriptSrc: ["'self'"],
          // Every form here ends with a redirect to the application, and
          // Chromium applies form-action to redirects as well.
          formAction: ["'self'", ...baseUrls],
          frameAncestors: ["'none'"],
          baseUri: ["'none'"],
        },
      },
    }),
  );
  app.use(express.static(publicFolder, { index: false }));
  app.use("/interaction", createInteractions(provider, users));
  app.use(provider.callback());
  return app;
}

/** Makes a key to sign with. */
export async function createSigningKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  // A new kid for a new key: clients that remember the last run's keys fetch these.
  return {
    ...(await exportJWK(privateKey)),
    kid: randomUUID(),
    use: "sig",
    alg: "RS256",
  };
}

let oidcProviderModule: Promise<typeof OidcProvider> | undefined;

/**
 * oidc-provider 9 runs on Node 20 but greets it with a warning that cannot be
 * switched off. That one line is held back while the module loads.
 */
function importOidcProvider(): Promise<typeof OidcProvider> {
  oidcProviderModule ??= importWithoutRuntimeWarning();
  return oidcProviderModule;
}

async function importWithoutRuntimeWarning(): Promise<typeof OidcProvider> {
  const warn = console.warn;
  console.warn = function warnUnlessKnown(...values: unknown[]) {
    if (!String(values[0]).includes("Unsupported runtime.")) warn(...values);
  };
  try {
    return await import("oidc-provider");
  } finally {
    console.warn = warn;
  }
}
