/** Why a resource server cannot be reached, and what to change, for developers. */
import type { ResourceServer } from "../config/config.js";

/** Codes of Node's connections, and what they mean for who set them up. */
const MEANINGS: readonly (readonly [pattern: RegExp, meaning: string])[] = [
  [/^(?:ECONNRESET|EPIPE)$/, "the connection was closed; is it the right port"],
  [/^ECONNREFUSED$/, "nothing listens there; is the server running"],
  [/^(?:ENOTFOUND|EAI_AGAIN)$/, "no such host is known"],
  [/^(?:EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$/, "no way leads there"],
  [
    /^(?:ERR_SSL_|EPROTO)/,
    "the port does not speak TLS; http:// instead of https://",
  ],
  [
    /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_\w+|ERR_TLS_CERT_\w+)$/,
    "its certificate is not trusted for this host; NODE_EXTRA_CA_CERTS names further authorities",
  ],
];

/** The code of what broke a connection; never its text, which may hold what was sent. */
export function connectionCode(error: unknown): string | undefined {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (typeof code === "string" && isConnectionCode(code)) return code;
  return typeof cause === "object" && cause !== null
    ? connectionCode(cause)
    : undefined;
}

/** Whether a text is a code of Node, and nothing else. */
export function isConnectionCode(text: string): boolean {
  return /^[A-Z][A-Z0-9_]+$/.test(text);
}

/**
 * Cause and remedy, to put behind a message.
 *
 * @param code of Node, or whatever else is known of the failure
 */
export function whyUnreachable(
  { name }: Pick<ResourceServer, "name">,
  code: string,
): string {
  const found = MEANINGS.find(([pattern]) => pattern.test(code));
  const meaning = found === undefined ? "" : `${found[1]}? `;
  return `: ${code} (${meaning}see resourceServers.${name}.url)`;
}
