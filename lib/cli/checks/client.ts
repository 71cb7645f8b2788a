/** How a provider takes this client: its secret, and the addresses that are registered for it. */
import { LoginKitError } from "../../base/errors.js";
import { Secret } from "../../base/secret.js";
import type { ProviderConfig } from "../../config/config.js";
import { createAuthorizationRequests } from "../../provider/authorization-request.js";
import { createCodeRedemption } from "../../provider/code-redemption.js";
import { createDiscovery, type Discover } from "../../provider/discovery.js";
import { createEndSession } from "../../provider/end-session.js";
import type { Transaction } from "../../stores/login-store.js";
import { failureFinding } from "../failure-finding.js";
import type { Finding } from "../findings.js";

const LINK = "docs/providers.md";

/** Asks what harms nobody: for a code that does not exist, and for a login that asks nobody. */
export async function checkClient(
  config: ProviderConfig,
  discover: Discover,
  baseUrls: readonly string[],
): Promise<readonly Finding[]> {
  const [first = ""] = baseUrls;
  return [
    ...(await clientAuthentication(config, discover, first)),
    ...(
      await Promise.all(
        baseUrls.map(async (baseUrl) => [
          await redirectUri(config, discover, baseUrl),
          ...(await logoutUri(config, discover, baseUrl)),
        ]),
      )
    ).flat(),
  ];
}

async function clientAuthentication(
  config: ProviderConfig,
  discover: Discover,
  baseUrl: string,
): Promise<Finding[]> {
  const where = {
    check: "client authentication",
    subject: `provider ${config.name}`,
  };
  const failure = await outcomeOfNoCode(config, discover, baseUrl);
  if (failure?.code !== "ERR_CLIENT_AUTHENTICATION") {
    return failure === undefined ||
      failure.code === "ERR_TOKEN_REQUEST_REJECTED"
      ? [
          {
            ...where,
            severity: "ok",
            cause: "the provider takes the client's id and secret",
          },
        ]
      : [failureFinding(failure, where)];
  }
  const other = otherMethod(config);
  if (other !== undefined && (await isTakenBy(other, config, baseUrl))) {
    return [
      {
        ...where,
        severity: "error",
        cause: `the provider refuses this client by ${String(config.clientAuth)}, and takes it by ${other}`,
        remedy: `Set clientAuth: "${other}"`,
        link: LINK,
      },
    ];
  }
  return [
    {
      ...where,
      severity: "error",
      cause: `the provider refuses the client: ${failure.message}`,
      remedy:
        "Compare clientId and clientSecret with what is registered there; a secret may have been replaced",
      link: LINK,
    },
  ];
}

async function isTakenBy(
  clientAuth: "client_secret_basic" | "client_secret_post",
  { ...config }: ProviderConfig,
  baseUrl: string,
): Promise<boolean> {
  const other = { ...config, clientAuth };
  const discover = createDiscovery(other, Date.now);
  const failure = await outcomeOfNoCode(other, discover, baseUrl);
  return failure?.code === "ERR_TOKEN_REQUEST_REJECTED";
}

function otherMethod({
  clientAuth,
}: ProviderConfig): "client_secret_basic" | "client_secret_post" | undefined {
  if (typeof clientAuth !== "string") return undefined;
  return clientAuth === "client_secret_basic"
    ? "client_secret_post"
    : "client_secret_basic";
}

/** How the provider refuses a code that it has never issued. */
async function outcomeOfNoCode(
  config: ProviderConfig,
  discover: Discover,
  baseUrl: string,
): Promise<LoginKitError | undefined> {
  const redeem = createCodeRedemption(config, discover, Date.now);
  const state = "doctor";
  const { issuer: iss } = config;
  const parameters = new URLSearchParams({ code: "of-nobody", state, iss });
  try {
    await redeem(
      { state, iss, error: undefined, parameters },
      transactionOf(config, baseUrl),
      () => undefined,
    );
    return undefined;
  } catch (error) {
    if (error instanceof LoginKitError) return error;
    throw error;
  }
}

function transactionOf(config: ProviderConfig, baseUrl: string): Transaction {
  return {
    provider: config.name,
    issuer: config.issuer,
    baseUrl,
    state: new Secret("doctor"),
    codeVerifier: new Secret("doctor".repeat(8)),
    nonce: new Secret("doctor"),
    returnTo: "/",
    acrValues: [],
    maxAgeSeconds: undefined,
    isSilent: false,
  };
}

/** Whether the provider answers to our redirect URI. */
async function redirectUri(
  config: ProviderConfig,
  discover: Discover,
  baseUrl: string,
): Promise<Finding> {
  const address = baseUrl + config.callbackPath;
  const where = { check: "redirect URI", subject: `provider ${config.name}` };
  const { prepare } = createAuthorizationRequests(config, discover);
  try {
    const { url } = await prepare({
      baseUrl,
      returnTo: "/",
      acrValues: [],
      otherAcr: [],
      maxAgeSeconds: undefined,
      // Nobody is there to be asked.
      parameters: { prompt: "none" },
    });
    const answer = await ask(url, config);
    const location = answer.headers.get("location") ?? "";
    if (location.startsWith(address)) {
      return { ...where, severity: "ok", cause: `${address} is registered` };
    }
    if (answer.status < 400) {
      return {
        ...where,
        severity: "note",
        cause: `the provider answers ${String(answer.status)} to a request without a user, so it does not say whether ${address} is registered`,
      };
    }
    return notRegistered(where, address, answer.status);
  } catch (error) {
    const isRefused =
      error instanceof LoginKitError &&
      error.code === "ERR_AUTHORIZATION_FAILED";
    return isRefused
      ? notRegistered(where, address, 400)
      : failureFinding(error, where);
  }
}

function notRegistered(
  where: Pick<Finding, "check" | "subject">,
  address: string,
  status: number,
): Finding {
  return {
    ...where,
    severity: "error",
    cause: `the provider answers ${String(status)} to a request that is to come back to ${address}`,
    remedy: `Register ${address} as redirect URI of this client, letter by letter; or set baseUrl to the registered one`,
    link: LINK,
  };
}

/** Whether the provider lets a browser come back after a logout. */
async function logoutUri(
  config: ProviderConfig,
  discover: Discover,
  baseUrl: string,
): Promise<Finding[]> {
  const where = { check: "logout URI", subject: `provider ${config.name}` };
  const request = await createEndSession(config, discover)(baseUrl);
  if (request === undefined) return [];
  const { status } = await ask(request.url, config);
  const address = baseUrl + config.paths.loggedOut;
  if (status < 400) {
    return [
      { ...where, severity: "ok", cause: `the provider takes ${address}` },
    ];
  }
  return [
    {
      ...where,
      severity: "note",
      cause: `the provider answers ${String(status)} to a logout that is to come back to ${address}; some do so wherever nobody is signed in`,
      remedy: `Look whether ${address} is registered as post-logout redirect URI`,
      link: LINK,
    },
  ];
}

/** As a browser would ask, but without following. */
async function ask(url: URL, config: ProviderConfig): Promise<Response> {
  const answer = await fetch(url, {
    redirect: "manual",
    headers: { accept: "text/html" },
    signal: AbortSignal.timeout(config.providerTimeoutSeconds * 1000),
  });
  await answer.body?.cancel();
  return answer;
}
