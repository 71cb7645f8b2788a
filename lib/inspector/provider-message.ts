/** What a request of the application to a provider is. */
import type { MessageName } from "../telling/messages.js";
import type { SentRequest } from "../telling/witness.js";

const BY_GRANT: Readonly<Record<string, MessageName>> = {
  authorization_code: "token-request",
  refresh_token: "refresh-request",
  client_credentials: "client-credentials",
};

/** Tells by what it holds: every provider has addresses of its own. */
export function providerMessage(
  { method, url, headers }: SentRequest,
  form: URLSearchParams,
): MessageName {
  const grant = form.get("grant_type");
  // What else there is exchanges one token for another (RFC 8693, RFC 7523).
  if (grant !== null) return BY_GRANT[grant] ?? "token-exchange";
  if (form.has("token")) return "revocation-request";
  if (form.has("redirect_uri") && method === "POST") {
    return "pushed-authorization-request";
  }
  if (new URL(url).pathname.includes("/.well-known/")) return "discovery";
  const asksForUser = [...headers].some(
    ([name, value]) =>
      name.toLowerCase() === "authorization" &&
      /^(?:bearer|dpop) /i.test(String(value)),
  );
  return asksForUser ? "userinfo-request" : "keys";
}
