/** What is wrong with how the client is to prove itself. */

/** What the options say about it, as far as their shape is right. */
interface ClientValues {
  readonly clientSecret?: string | undefined;
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
  if (clientSecret === undefined && typeof clientAuth === "string") {
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
