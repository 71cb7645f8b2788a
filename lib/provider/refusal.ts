/** What is kept of an answer by which a provider refuses. */
import { jsonObject } from "./json-object.js";
import { withoutSecrets } from "../outgoing/sent-secrets.js";

/**
 * The answer with its OAuth error alone, and without the secrets of the
 * request: errors of openid-client hold whole answers.
 *
 * @param secrets what the request held in confidence
 * @param preferBody where an error stands in the body as well as in a challenge, the body counts (RFC 6749 5.2)
 */
export function refusalOf(
  { status, headers }: Response,
  body: string,
  secrets: readonly string[],
  preferBody: boolean,
): Response {
  const kept = new Headers();
  for (const [name, value] of headers) {
    kept.append(name, withoutSecrets(value, secrets));
  }
  const error = oauthErrorIn(body, secrets);
  if (error === undefined) return new Response(null, { status, headers: kept });
  kept.set("Content-Type", "application/json");
  if (preferBody) kept.delete("WWW-Authenticate");
  return new Response(JSON.stringify(error), { status, headers: kept });
}

/** The members of an OAuth error that anybody reads. */
function oauthErrorIn(
  body: string,
  secrets: readonly string[],
): object | undefined {
  const { error, error_description: description } = jsonObject(body) ?? {};
  if (typeof error !== "string" || error === "") return undefined;
  return {
    error: withoutSecrets(error, secrets),
    ...(typeof description === "string" && {
      error_description: withoutSecrets(description, secrets),
    }),
  };
}
