/** Why a connection to Redis fails, and what mends it. */
import { types } from "node:util";

/** A rule that knows a failure by its code or by how its text begins. */
interface KnownFailure {
  readonly pattern: RegExp;
  /** Cause and remedy; `{options}` stands for where its access is set. */
  readonly text: string;
  /** Whether waiting cannot mend it. */
  readonly hopeless: boolean;
}

const known: readonly KnownFailure[] = [
  {
    pattern: /^(?:WRONGPASS|ERR invalid password|ERR AUTH)/,
    text: "Redis refuses the user name or password; check username and password, in a URL or in {options}",
    hopeless: true,
  },
  {
    pattern: /^NOAUTH/,
    text: "Redis asks for a password and got none; put it into a URL or into {options}",
    hopeless: true,
  },
  {
    pattern: /^NOPERM/,
    text: "the user may not do this; see the permissions that docs/redis.md lists",
    hopeless: true,
  },
  {
    pattern: /^ERR (?:DB index|SELECT)/,
    text: "the database number of the URL does not exist; a Cluster has only number 0",
    hopeless: true,
  },
  {
    pattern:
      /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(?:_LOCALLY)?|CERT_UNTRUSTED)$/,
    text: "no trusted authority has signed Redis' certificate; put the certificate of the authority that has, in PEM, into {options}.socket.ca",
    hopeless: true,
  },
  {
    pattern: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    text: "Redis' certificate is for another host; connect by a name that is in it, or put that name into {options}.socket.servername",
    hopeless: true,
  },
  {
    pattern: /^CERT_(?:HAS_EXPIRED|NOT_YET_VALID)$/,
    text: "Redis' certificate is not valid at this time; renew it, or set the clock",
    hopeless: true,
  },
  {
    pattern: /^ERR_SSL_TLSV1(?:3)?_ALERT_CERTIFICATE_REQUIRED$/,
    text: "Redis asks for a client certificate; put it into {options}.socket.cert and its key into {options}.socket.key",
    hopeless: true,
  },
  {
    pattern:
      /^ERR_SSL_(?:TLSV1_ALERT_UNKNOWN_CA|SSLV3_ALERT_BAD_CERTIFICATE|SSLV3_ALERT_CERTIFICATE_(?:EXPIRED|UNKNOWN)|SSLV3_ALERT_HANDSHAKE_FAILURE)$/,
    text: "Redis refuses the client certificate, or the lack of one; check cert and key in {options}.socket, and Redis' tls-ca-cert-file",
    hopeless: true,
  },
  {
    pattern: /^(?:ERR_OSSL_|ERR_INVALID_ARG|ERR_CRYPTO_)/,
    text: "in {options}.socket, cert or key is no PEM, key does not belong to cert, or passphrase is wrong",
    hopeless: true,
  },
  {
    pattern:
      /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|UNEXPECTED_MESSAGE)$/,
    text: "this port does not speak TLS; use redis:// or the port that does",
    hopeless: true,
  },
  {
    pattern: /^(?:ENOTFOUND|EAI_AGAIN)$/,
    text: "no such host is known; check the name",
    hopeless: false,
  },
  {
    pattern: /^ECONNREFUSED$/,
    text: "nothing listens there; is Redis running, and are host and port right?",
    hopeless: false,
  },
  {
    pattern: /^(?:ECONNRESET|EPIPE|Socket closed unexpectedly)/,
    text: "the connection was closed; if it never opens: a port that speaks TLS needs rediss:// or socket.tls, and one that does not needs redis://",
    hopeless: false,
  },
  {
    pattern: /^Connection timeout/,
    text: "no answer; if there never is one: are host and port right, and does this port speak TLS?",
    hopeless: false,
  },
];

/** An error of a connection, in words that name cause and remedy. */
export interface ConnectionFailure {
  readonly error: Error;
  /** Whether waiting cannot mend it: at the start that is refused. */
  readonly hopeless: boolean;
}

/** @param of whose failure it is: of the servers that hold the data, or of a Sentinel. */
export function connectionFailure(
  reported: unknown,
  of: "Redis" | "Sentinel" = "Redis",
): ConnectionFailure {
  // Sentinel reports some of its errors as plain text.
  const original = types.isNativeError(reported)
    ? reported
    : new Error(String(reported));
  const where = of === "Redis" ? "" : "Sentinel: ";
  const options = of === "Redis" ? "options" : "sentinel.options";
  const errors = within(original);
  for (const failure of known) {
    const found = errors.find((error) => matches(error, failure));
    if (found !== undefined) {
      const text = failure.text.replaceAll("{options}", options);
      // OpenSSL's texts end in a new line.
      const message = `${where}${found.message.trim()} (${text})`;
      return {
        error: new Error(message, { cause: original }),
        hopeless: failure.hopeless,
      };
    }
  }
  const error = where === "" ? original : new Error(where + original.message);
  return { error, hopeless: false };
}

function matches(error: Error, { pattern }: KnownFailure): boolean {
  const { code } = error as { code?: unknown };
  return (
    (typeof code === "string" && pattern.test(code)) ||
    pattern.test(error.message)
  );
}

/** The error, its causes and those it collects: a Cluster reports its own, and rejects with another. */
function within(error: unknown): Error[] {
  if (!types.isNativeError(error)) return [];
  const {
    errors = [],
    originalError,
    socketError,
  } = error as {
    errors?: unknown[];
    originalError?: unknown;
    socketError?: unknown;
  };
  const inner = [error.cause, originalError, socketError, ...errors];
  return [error, ...inner.filter((one) => one !== error).flatMap(within)];
}
