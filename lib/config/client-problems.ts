/** How the client may prove itself, and what is wrong with how it is to. */
import * as z from "zod";
import { functionValue, text } from "./option-values.js";

/** The methods that need no function (Core 9, RFC 8705 2). */
export const CLIENT_AUTH_NAMES = [
  "client_secret_basic",
  "client_secret_post",
  "client_secret_jwt",
  "tls_client_auth",
  "self_signed_tls_client_auth",
] as const;

/** One of them. */
export type ClientAuthName = (typeof CLIENT_AUTH_NAMES)[number];

/** Whether the client proves itself by the certificate of its connection. */
export function isCertificate(
  clientAuth: unknown,
): clientAuth is "tls_client_auth" | "self_signed_tls_client_auth" {
  return (
    clientAuth === "tls_client_auth" ||
    clientAuth === "self_signed_tls_client_auth"
  );
}

/** What the README has in its place. */
const SAMPLE_SECRET = "the-secret-that-the-provider-gave-you";

/** What the client's secret may be. */
export const clientSecretSchema: z.ZodType<
  string | (() => string | Promise<string>) | undefined
> = z
  .union(
    [
      text.refine(
        (secret) => secret !== SAMPLE_SECRET,
        "is the sample's of the README; set it to the secret that the provider gave you",
      ),
      functionValue<() => string | Promise<string>>(""),
    ],
    "must be a text, or a function that gives one",
  )
  .optional();

/** What the options say about it, as far as their shape is right. */
interface ClientValues {
  readonly clientSecret?: unknown;
  /** By name, or a function. */
  readonly clientAuth?: unknown;
  readonly idTokenSigningAlg?: string;
  readonly scope?: string;
}

/** What makes client authentication functions, by name. Uncalled, it would authenticate nobody. */
const UNCALLED = new Map([
  ["ClientSecretBasic", "ClientSecretBasic(secret)"],
  ["ClientSecretJwt", "ClientSecretJwt(secret)"],
  ["ClientSecretPost", "ClientSecretPost(secret)"],
  ["None", "None()"],
  ["PrivateKeyJwt", "PrivateKeyJwt(key)"],
]);

/** What is wrong, as lines for people. */
export function clientProblems(values: ClientValues): string[] {
  const { clientSecret, clientAuth, idTokenSigningAlg, scope } = values;
  const problems: string[] = [];
  if (
    clientSecret === undefined &&
    typeof clientAuth === "string" &&
    !isCertificate(clientAuth)
  ) {
    problems.push(
      "clientSecret: is missing; set it, or set clientAuth: PrivateKeyJwt(key) or, for a public client, None(), both of this package",
    );
  }
  if (typeof clientAuth === "function") {
    // Bundlers, ours included, put a number behind a name that is there twice.
    const call = UNCALLED.get(clientAuth.name.replace(/\d+$/, ""));
    if (call !== undefined) {
      problems.push(`clientAuth: must be called: write ${call}`);
    }
  }
  if (clientSecret === undefined && idTokenSigningAlg?.startsWith("HS")) {
    problems.push("idTokenSigningAlg: HS algorithms need clientSecret");
  }
  if (scope !== undefined && !scope.split(" ").includes("openid")) {
    problems.push("scope: must contain openid");
  }
  return problems;
}
