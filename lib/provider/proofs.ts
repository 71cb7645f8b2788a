/** Proofs of possession on requests to one provider (DPoP, RFC 9449). */
import * as client from "openid-client";
import type { Secret } from "../base/secret.js";
import { createServerNonces } from "../base/server-nonces.js";
import type { LimitedFetch } from "./limited-fetch.js";
import { readKeyPair } from "./proof-keys.js";

/** The option of openid-client's requests; without a proof it is empty. */
export interface ProofOption {
  readonly DPoP?: client.DPoPHandle;
}

/** Proofs for a provider. */
export interface ProviderProofs {
  /** The option for a request in which the key is proven; undefined: none is. */
  readonly by: (
    configuration: client.Configuration,
    key: Secret | undefined,
  ) => Promise<ProofOption>;
  /** The fetch, of each of whose answers the nonce is kept (RFC 9449 8.2). */
  readonly noting: (fetch: LimitedFetch) => LimitedFetch;
}

/**
 * Creates them. The nonces are shared by all logins, so that the first request
 * of each needs no second try; openid-client makes that try where one is stale.
 */
export function createProviderProofs(): ProviderProofs {
  const nonces = createServerNonces();
  return {
    async by(configuration, kept) {
      if (kept === undefined) return {};
      const key = await readKeyPair(kept);
      return {
        DPoP: client.getDPoPHandle(configuration, key, {
          [client.modifyAssertion](header, payload) {
            // The name that the provider has for the algorithm.
            header["alg"] = key.algorithm;
            const { htu } = payload;
            const nonce =
              typeof htu === "string"
                ? nonces.of(new URL(htu).origin)
                : undefined;
            if (nonce !== undefined) payload["nonce"] = nonce;
          },
        }),
      };
    },
    noting: (fetch) =>
      async function fetchNoting(url, request) {
        const response = await fetch(url, request);
        nonces.note(new URL(url).origin, response.headers.get("dpop-nonce"));
        return response;
      },
  };
}
