/** How access tokens are put on requests to resource servers: with a proof, or as Bearer (RFC 9449 7). */
import type { IncomingHttpHeaders } from "node:http";
import type { Secret } from "../base/secret.js";
import { createServerNonces } from "../base/server-nonces.js";
import type { ProviderConfig, ResourceServer } from "../config/config.js";
import { loadRequests } from "../provider/load-requests.js";
import {
  challengeOf,
  refusesProof,
  refusesToken,
  tokenChallengesOf,
} from "../resource/challenge.js";
import type { IssuedToken } from "../stores/login-store.js";

/** Headers that authorize one request, by name in small letters. */
export type Authorization = Readonly<Record<string, string>>;

/** Where a request goes, and whose token it carries. */
export interface Recipient {
  readonly server: ResourceServer;
  readonly provider: Pick<ProviderConfig, "senderConstrained">;
}

/** Why a request that was refused may succeed with the same token. */
export type Remedy = "another proof" | "no proof" | "a proof";

/** The head of an answer. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/** What is known of how servers take tokens. */
export interface Presentation {
  /** `DPoP` or `Bearer`: how a token is put on requests to this server. */
  readonly typeFor: (token: IssuedToken, to: Recipient) => string;
  /** The headers of one request; a proof is good for no other. */
  readonly headersFor: (
    token: IssuedToken,
    to: Recipient,
    method: string,
    url: URL,
  ) => Promise<Authorization>;
  /** Learns from the answer to a request with a token that is bound. */
  readonly learn: (
    sent: Authorization,
    to: Recipient,
    url: URL,
    answer: AnswerHead,
  ) => Remedy | undefined;
  /** Keeps a nonce that the application was answered itself. */
  readonly noteNonce: (url: URL, nonce: string | undefined) => void;
}

/** A token that needs no proof. */
export function withoutProof({
  type,
  value,
}: Pick<IssuedToken, "type" | "value">): Authorization {
  return { authorization: `${type} ${value.reveal()}` };
}

/**
 * Creates it.
 *
 * @param now milliseconds since 1970
 * @param tellBearer gets the name of a server that refuses proofs and gets tokens as Bearer instead
 */
export function createPresentation(
  now: () => number,
  tellBearer: (server: string) => void,
): Presentation {
  const nonces = createServerNonces();
  // Names of servers. As Bearer a token is in no more danger: the server sees it
  // either way, and whoever demands proofs does not take it (RFC 9449 7.2).
  const withoutProofs = new Set<string>();

  const keyProvenTo = (
    to: Recipient,
    { type, proofKey }: IssuedToken,
  ): Secret | undefined => {
    if (type !== "DPoP") return undefined;
    const mode = modeOf(to);
    return mode === "always" ||
      (mode === "auto" && !withoutProofs.has(to.server.name))
      ? proofKey
      : undefined;
  };

  return {
    typeFor: (token, to) =>
      keyProvenTo(to, token) === undefined ? "Bearer" : "DPoP",
    async headersFor(token, to, method, url) {
      const { value } = token;
      const proofKey = keyProvenTo(to, token);
      if (proofKey === undefined) {
        return withoutProof({ type: "Bearer", value });
      }
      const { proofOf } = await loadRequests();
      const nonce = nonces.of(url.origin);
      const dpop = await proofOf(
        { method, url, token: value, nonce, at: now() },
        proofKey,
      );
      return { authorization: `DPoP ${value.reveal()}`, dpop };
    },
    learn(sent, to, url, { status, headers }) {
      nonces.note(url.origin, headers["dpop-nonce"]);
      if (status !== 401) return undefined;
      const challenges = tokenChallengesOf(headers);
      const wanted = challenges.find(({ scheme }) => scheme === "dpop");
      const { name } = to.server;
      if (sent["dpop"] === undefined) {
        // It may have learned to check proofs, or have refused every token.
        const isOfBearer = wanted === undefined && challenges.length > 0;
        if (modeOf(to) !== "auto" || isOfBearer) return undefined;
        withoutProofs.delete(name);
        return wanted && "a proof";
      }
      if (wanted !== undefined) {
        const error = wanted.parameters.get("error");
        return refusesProof(error) ? "another proof" : undefined;
      }
      // What it says of the user or of scopes, it says having taken the proof.
      const isOfToken = refusesToken(status, challengeOf(status, headers));
      if (modeOf(to) !== "auto" || !isOfToken) return undefined;
      withoutProofs.add(name);
      tellBearer(name);
      return "no proof";
    },
    noteNonce(url, nonce) {
      nonces.note(url.origin, nonce);
    },
  };
}

/** A login may have bound tokens although the option says otherwise by now. */
function modeOf({ server, provider }: Recipient): "auto" | "always" | "never" {
  return (
    server.senderConstrained ??
    (provider.senderConstrained === "always" ? "always" : "auto")
  );
}
