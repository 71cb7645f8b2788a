/** What is known of the client authentication functions that this package makes. */
import type { ClientAuth } from "openid-client";
import type { ClientKeySource } from "./client-keys.js";

/** How such a function authenticates. */
export interface ClientAuthFacts {
  readonly method: "private_key_jwt" | "client_secret_jwt" | "none";
  /** The call that made it, as applications write it. */
  readonly maker: string;
  /** Whom its assertions are for; undefined: the issuer. */
  readonly audience?: string | undefined;
  /** What they are signed with. */
  readonly keys?: ClientKeySource;
}

const facts = new WeakMap<ClientAuth, ClientAuthFacts>();

/** Remembers how a function authenticates. */
export function withFacts(
  clientAuth: ClientAuth,
  known: ClientAuthFacts,
): ClientAuth {
  facts.set(clientAuth, known);
  return clientAuth;
}

/** What is known of a function; undefined for one that somebody else has made. */
export function clientAuthFacts(
  clientAuth: unknown,
): ClientAuthFacts | undefined {
  return typeof clientAuth === "function"
    ? facts.get(clientAuth as ClientAuth)
    : undefined;
}
