/** The environment variables in, one checked Environment out; every wrong value is named at once. */
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { choosePorts } from "./ports.js";
import { ORDERS_SCOPE } from "./provider.js";
import { createSettings } from "./settings.js";
import type { Settings } from "./settings.js";

/** How the application signs in at its provider. */
export interface ProviderAccess {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string;
  /** Of every authorization request. */
  readonly authorizationParameters: Readonly<Record<string, string>>;
  /** Whether the request goes there directly, or the browser carries all of it. */
  readonly pushedAuthorizationRequests: "auto" | "never";
  /** Whether its tokens are over with its session, as Keycloak's are. */
  readonly tokensEndWithSession: boolean;
}

/** Where the orders API is. */
export interface OrdersAccess {
  /** The orders themselves, such as `http://localhost:3002/v1/orders`. */
  readonly url: string;
  /** Resource indicator for its access tokens; not every provider knows them. */
  readonly resource: string | undefined;
  /** What its access tokens must name as `aud`. */
  readonly audience: string;
}

/** Everything the demo takes from outside. */
export interface Environment {
  readonly host: string;
  readonly port: number;
  /** The application's origin as browsers see it. */
  readonly baseUrl: string;
  readonly redisUrl: string | undefined;
  readonly sessionSecret: string;
  /** Whether only this computer may use the demo's buttons and the inspector. */
  readonly isLoopbackOnly: boolean;
  readonly provider: ProviderAccess;
  /** With `--two-providers`: customers sign in here, and staff at the first. */
  readonly secondProvider: ProviderAccess | undefined;
  readonly orders: OrdersAccess;
  /** Ports of the parties that the demo has to start itself. */
  readonly bundled: {
    readonly provider: number | undefined;
    readonly secondProvider: number | undefined;
    readonly orders: number | undefined;
  };
}

/** The bundled provider's only client. Its secret is public: it opens nothing but this demo. */
export const BUNDLED_CLIENT = {
  clientId: "login-kit-demo",
  clientSecret: "only-for-the-demo-on-this-computer",
} as const;

/** Resource indicator of the bundled orders API. */
export const BUNDLED_RESOURCE = "urn:login-kit-demo:orders";

/** What the application asks the bundled provider for. */
export const BUNDLED_SCOPE = `openid profile email offline_access ${ORDERS_SCOPE}`;

/** Reads the command's options and the environment. Wrong values are listed, then the process exits with status 1. */
export async function readEnvironment(
  args: readonly string[],
): Promise<Environment> {
  const settings = createSettings(process.env);
  const environment = await environmentOf(settings, args);
  if (settings.problems.length > 0) {
    console.error("The demo cannot start:");
    for (const problem of settings.problems) console.error(`  - ${problem}`);
    console.error(
      "All settings are explained in the repository's .env.example.",
    );
    process.exit(1);
  }
  return environment;
}

async function environmentOf(
  settings: Settings,
  args: readonly string[],
): Promise<Environment> {
  const host = settings.text("HOST") ?? "localhost";
  const issuer = settings.url("OIDC_ISSUER");
  const ordersUrl = settings.url("ORDERS_URL");
  const redisUrl = settings.redisUrl("REDIS_URL");
  if (settings.text("NODE_ENV") === "production") {
    settings.refuse(
      "NODE_ENV=production: the demo is for looking in and breaking things, so unset it",
    );
  }
  const hasTwo = wantsTwoProviders(settings, args);
  if (hasTwo && issuer !== undefined) {
    settings.refuse(
      "--two-providers shows the bundled ones: unset OIDC_ISSUER",
    );
  }
  const ports = await choosePorts(host, settings, {
    PORT: true,
    PROVIDER_PORT: issuer === undefined,
    ORDERS_PORT: ordersUrl === undefined,
    SECOND_PROVIDER_PORT: hasTwo,
  });

  return {
    host,
    port: ports.PORT,
    baseUrl: settings.origin("BASE_URL") ?? `http://localhost:${ports.PORT}`,
    redisUrl,
    isLoopbackOnly: !settings.flag("DANGEROUSLY_OPEN_BUTTONS"),
    sessionSecret: sessionSecret(settings, redisUrl !== undefined),
    provider:
      issuer === undefined
        ? bundledProvider(settings, ports.PROVIDER_PORT)
        : externalProvider(settings, issuer),
    secondProvider: hasTwo
      ? bundledProvider(settings, ports.SECOND_PROVIDER_PORT)
      : undefined,
    orders: {
      url: ordersUrl ?? `http://localhost:${ports.ORDERS_PORT}/v1/orders`,
      resource:
        settings.text("ORDERS_RESOURCE") ??
        (issuer === undefined ? BUNDLED_RESOURCE : undefined),
      audience:
        settings.text("ORDERS_AUDIENCE") ??
        settings.text("ORDERS_RESOURCE") ??
        BUNDLED_RESOURCE,
    },
    bundled: {
      provider: issuer === undefined ? ports.PROVIDER_PORT : undefined,
      secondProvider: hasTwo ? ports.SECOND_PROVIDER_PORT : undefined,
      orders: ordersUrl === undefined ? ports.ORDERS_PORT : undefined,
    },
  };
}

/** The one option of the command. */
function wantsTwoProviders(
  settings: Settings,
  args: readonly string[],
): boolean {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { "two-providers": { type: "boolean", default: false } },
    });
    return values["two-providers"];
  } catch (error) {
    settings.refuse(`${(error as Error).message}; there is --two-providers`);
    return false;
  }
}

function bundledProvider(settings: Settings, port: number): ProviderAccess {
  for (const name of ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"]) {
    if (settings.text(name) === undefined) continue;
    settings.refuse(`${name} is set, but OIDC_ISSUER is not`);
  }
  return {
    ...BUNDLED_CLIENT,
    issuer: `http://localhost:${port}`,
    scope: settings.text("OIDC_SCOPE") ?? BUNDLED_SCOPE,
    // OpenID Connect Core 1.0 section 11: offline_access is ignored without it.
    authorizationParameters: {
      prompt: settings.text("OIDC_PROMPT") ?? "consent",
    },
    // So that one sees in the browser's address what is asked for.
    pushedAuthorizationRequests: "never",
    tokensEndWithSession: false,
  };
}

function externalProvider(settings: Settings, issuer: string): ProviderAccess {
  for (const name of ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"]) {
    if (settings.text(name) !== undefined) continue;
    settings.refuse(`${name} is required with OIDC_ISSUER`);
  }
  const prompt = settings.text("OIDC_PROMPT");
  return {
    issuer,
    clientId: settings.text("OIDC_CLIENT_ID") ?? "",
    clientSecret: settings.text("OIDC_CLIENT_SECRET") ?? "",
    scope: settings.text("OIDC_SCOPE") ?? "openid profile email",
    authorizationParameters: prompt === undefined ? {} : { prompt },
    pushedAuthorizationRequests: "auto",
    tokensEndWithSession: settings.flag("OIDC_TOKENS_END_WITH_SESSION"),
  };
}

function sessionSecret(settings: Settings, isShared: boolean): string {
  const howTo = `make one with: node -p "crypto.randomBytes(32).toString('base64url')"`;
  const secret = settings.text("SESSION_SECRET");
  if (secret !== undefined && secret.length < 32) {
    settings.refuse(`SESSION_SECRET has less than 32 characters; ${howTo}`);
  }
  if (secret === undefined && isShared) {
    settings.refuse(
      `SESSION_SECRET is required with REDIS_URL, the same for every process; ${howTo}`,
    );
  }
  // Without Redis logins end with the process, so a secret of this process will do.
  return secret ?? randomBytes(32).toString("base64url");
}
