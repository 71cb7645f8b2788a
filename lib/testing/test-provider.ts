/** testProvider: an OpenID Provider for tests of an application. */
import { type JsonWebKey, randomUUID } from "node:crypto";

import type { WrongAnswers } from "./provider/misbehaviour.js";
import type { ProviderClient } from "./provider/parties.js";
import { type Provider, startProvider } from "./provider/provider.js";
import type { ReceivedRequest } from "./provider/received-requests.js";
import type { Claims } from "./provider/signed-token.js";

/** How a provider differs from the usual one. */
export interface TestProviderOptions {
  /** Who can sign in: claims by `sub`. Default: alice and bob, with `name` and `email`. */
  readonly users?: Readonly<Record<string, Claims>>;
  /** Port of the loopback interface, so that the issuer stays the same. Default: a free one. */
  readonly port?: number;
  /** Whether users are asked to agree, in a sign-in with pages. Default true. */
  readonly consent?: boolean;
  /** Registered clients. Default: one, whose addresses are all accepted. */
  readonly clients?: readonly ProviderClient[];
  /** Resource indicators that are known (RFC 8707). Default: any. */
  readonly resources?: readonly string[];
  /** Lifetime of access tokens. Seconds, default 300. */
  readonly accessTokenSeconds?: number;
  /** Whether a refresh token is good for one use; one that is used twice ends its login's tokens (RFC 9700 4.14.2). Default true. */
  readonly refreshTokenRotation?: boolean;
  /** Whether it offers DPoP (RFC 9449), with nonces in proofs or without. Default: it does not. */
  readonly dpop?: { readonly nonces?: boolean };
  /** The first client's public key as a JWK: its ID Tokens, and logout tokens, are encrypted for it (`decryptionKeys`). Default: they are not. */
  readonly idTokenEncryption?: JsonWebKey;
}

/** A provider that runs, with what tests do to it. */
export interface TestProvider {
  /** Options of `createLoginKit`, of the first client. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Every request so far, oldest first. */
  readonly requests: readonly ReceivedRequest[];
  /** Makes the next answer of a kind wrong; the one after it is right again. */
  readonly next: (wrong: WrongAnswers) => void;
  /** Lets every request wait. Seconds; 0: no longer. */
  readonly slow: (seconds: number) => void;
  /** Breaks off every connection. */
  readonly down: () => void;
  /** Ends `down`. */
  readonly up: () => void;
  /** Signs with new keys from now on, and publishes only those. */
  readonly rotateKeys: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const USERS = {
  alice: { name: "Alice", email: "alice@example.com", email_verified: true },
  bob: { name: "Bob", email: "bob@example.com", email_verified: true },
};

const CLIENT: ProviderClient = {
  clientId: "app",
  clientSecret: "the secret of the application under test",
  redirectUris: "any",
  postLogoutRedirectUris: "any",
};

/**
 * Starts an OpenID Provider on a free port of the loopback interface; close it
 * in the end.
 *
 * It is real: discovery, PKCE, signed ID Tokens, UserInfo, refresh, resource
 * indicators, token exchange, DPoP, revocation, logout by the browser and by the
 * back channel. Only its users need no password.
 */
export async function testProvider({
  users = USERS,
  consent = true,
  clients = [CLIENT],
  resources,
  accessTokenSeconds = 300,
  refreshTokenRotation = true,
  dpop,
  idTokenEncryption,
  port,
}: TestProviderOptions = {}): Promise<TestProvider> {
  const [first = CLIENT, ...others] = clients;
  const client = {
    ...first,
    ...(idTokenEncryption && { encryptionKey: idTokenEncryption }),
  };
  const provider: Provider = await startProvider({
    clients: [client, ...others],
    users,
    asks: { user: true, consent },
    ...(resources && { resources }),
    ...(port !== undefined && { port }),
    ...(dpop && { dpop: dpop.nonces === true ? { nonce: randomUUID() } : {} }),
    accessTokenSeconds,
    rotatesRefreshTokens: refreshTokenRotation,
  });
  return {
    issuer: provider.issuer,
    clientId: client.clientId,
    clientSecret: client.clientSecret,
    requests: provider.received,
    next(wrong) {
      provider.next = { ...provider.next, ...wrong };
    },
    slow(seconds) {
      provider.delayMilliseconds = seconds * 1000;
    },
    down() {
      provider.setDown(true);
    },
    up() {
      provider.setDown(false);
    },
    rotateKeys: provider.rotateKeys,
    close: provider.close,
  };
}
