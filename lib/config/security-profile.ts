/** What the FAPI 2.0 profiles demand of a client's options, and what of it they set by themselves. */
import {
  FAPI2_ALGORITHMS,
  isSignatureAlgorithm,
} from "../base/signature-algorithms.js";
import { clientAuthFacts } from "./client-auth-facts.js";
import type { ClientKeySource } from "./client-keys.js";
import { isCertificate } from "./client-problems.js";
import type { ProviderValues } from "./provider-options.js";
import { isJarm } from "./provider-security-options.js";
import type { ResourceServer } from "./resource-server-options.js";

/** FAPI 2.0 5.3.2.1 (13): tokens from a later time are refused. Seconds. */
const LARGEST_TOLERANCE_SECONDS = 60;

const ALLOWED = FAPI2_ALGORITHMS.join(", ");

/**
 * What a profile sets where the options leave it open: pushed requests always
 * (5.3.3.2), and tokens bound to a key where no certificate binds them (5.3.3.1).
 */
export function asProfileWants(
  values: ProviderValues,
): Pick<ProviderValues, "pushedAuthorizationRequests" | "senderConstrained"> {
  const { securityProfile, pushedAuthorizationRequests, senderConstrained } =
    values;
  if (securityProfile === undefined) {
    return { pushedAuthorizationRequests, senderConstrained };
  }
  return {
    pushedAuthorizationRequests: "always",
    senderConstrained: isCertificate(values.clientAuth)
      ? senderConstrained
      : "always",
  };
}

/** What the options lack, as lines for people; some may be missing because their shape was wrong. */
export function profileProblems(
  values: Partial<ProviderValues>,
  allowsInsecure: boolean,
): string[] {
  const { securityProfile: profile } = values;
  if (profile === undefined) return [];
  return [
    ...(allowsInsecure
      ? [
          "dangerouslyAllowInsecureRequests: must not be set; everything is sent by TLS",
        ]
      : []),
    ...authenticationProblems(values),
    ...flowProblems(values),
    ...algorithmProblems(values),
    ...(profile === "fapi2-message-signing" ? signingProblems(values) : []),
  ].map((problem) => `${problem} (securityProfile ${profile})`);
}

/**
 * What resource servers have to have for the profiles of the providers: a token
 * that is bound to a key goes to none without a proof.
 */
export function profileServerProblems(
  resourceServers: Readonly<
    Record<string, Pick<ResourceServer, "senderConstrained" | "providers">>
  >,
  providers: ReadonlyMap<string, Partial<ProviderValues>>,
): string[] {
  const all = [...providers.keys()];
  const profileFor = (users: readonly string[] = all) =>
    users
      .map((name) => providers.get(name) ?? {})
      .filter(({ clientAuth }) => !isCertificate(clientAuth))
      .map(({ securityProfile }) => securityProfile)
      .find((profile) => profile !== undefined);
  return Object.entries(resourceServers).flatMap(
    ([name, { senderConstrained: option = "always", providers: users }]) => {
      const profile = profileFor(users);
      return profile === undefined || option === "always"
        ? []
        : [
            `resourceServers.${name}.senderConstrained: is ${option}; leave it out, tokens are sent with proofs alone (securityProfile ${profile})`,
          ];
    },
  );
}

function authenticationProblems({
  clientAuth,
  issuer,
}: Partial<ProviderValues>): string[] {
  if (clientAuth === undefined || isCertificate(clientAuth)) return [];
  const remedy =
    "set it to PrivateKeyJwt(key) of this package, tls_client_auth or self_signed_tls_client_auth";
  const facts = clientAuthFacts(clientAuth);
  if (facts?.method !== "private_key_jwt") {
    const own =
      typeof clientAuth === "string"
        ? clientAuth
        : (facts?.maker ?? "a function that is not known");
    return [`clientAuth: is ${own}; ${remedy}`];
  }
  const { audience = issuer, keys } = facts;
  return [
    ...(audience === issuer
      ? []
      : [
          `clientAuth: the audience is ${String(audience)}; leave it out, so that it is the issuer`,
        ]),
    ...keyProblems("clientAuth", keys),
  ];
}

function flowProblems({
  pushedAuthorizationRequests,
  senderConstrained,
  clientAuth,
  clockToleranceSeconds = 0,
}: Partial<ProviderValues>): string[] {
  return [
    ...(pushedAuthorizationRequests === "never"
      ? [
          "pushedAuthorizationRequests: is never; leave it out, requests have to be pushed",
        ]
      : []),
    ...(senderConstrained === "never" && !isCertificate(clientAuth)
      ? [
          "senderConstrained: is never; leave it out, or bind tokens to a certificate by clientAuth: tls_client_auth",
        ]
      : []),
    ...(clockToleranceSeconds > LARGEST_TOLERANCE_SECONDS
      ? [
          `clockToleranceSeconds: must be at most ${String(LARGEST_TOLERANCE_SECONDS)}; set the clocks by NTP`,
        ]
      : []),
  ];
}

function algorithmProblems(values: Partial<ProviderValues>): string[] {
  const names = [
    "idTokenSigningAlg",
    "userInfoSigningAlg",
    "responseSigningAlg",
  ] as const;
  return names
    .filter((name) => values[name] !== undefined && !isAllowed(values[name]))
    .map(
      (name) =>
        `${name}: is ${String(values[name])}; set it to one of ${ALLOWED}, as the provider signs for this client`,
    );
}

function signingProblems({
  requestSigningKey,
  responseMode,
}: Partial<ProviderValues>): string[] {
  return [
    ...(requestSigningKey === undefined
      ? [
          "requestSigningKey: is missing; set it to the key that signs authorization requests",
        ]
      : keyProblems("requestSigningKey", requestSigningKey)),
    ...(responseMode !== undefined && !isJarm(responseMode)
      ? [
          `responseMode: is ${responseMode}; set it to ${responseMode}.jwt, so that answers are signed`,
        ]
      : []),
  ];
}

/** Keys that a function gives are looked at when they sign. */
function keyProblems(
  option: string,
  keys: ClientKeySource | undefined,
): string[] {
  return (keys?.known ?? []).some(({ algs }) => !algs.some(isAllowed))
    ? [
        `${option}: has a key that signs by ${(keys?.known ?? []).flatMap(({ algs }) => algs).join(", ")}; use one for ${ALLOWED}`,
      ]
    : [];
}

/** Whether FAPI 2.0 5.4.1 allows it. */
export function isAllowed(name: unknown): boolean {
  return isSignatureAlgorithm(name) && FAPI2_ALGORITHMS.includes(name);
}
