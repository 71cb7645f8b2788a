/** The access tokens of the test provider. */
import { randomUUID } from "node:crypto";

import type { Grant } from "./grants.js";
import type { Json } from "./misbehaviour.js";
import { nowSeconds, type ProviderState, tokenFor } from "./state.js";

/** What a token is asked for. */
export interface Target {
  readonly scope: string;
  readonly resource: string | undefined;
  /** Thumbprint of the key that the request has proven (RFC 9449); undefined: none. */
  readonly jkt: string | undefined;
}

/** Issues one, with the answer that brings it. */
export function accessTokenFor(
  state: ProviderState,
  grant: Grant,
  { scope, resource, jkt }: Target,
): { readonly accessToken: string; readonly response: Json } {
  const { client, sub } = grant;
  const seconds = state.accessTokenSeconds;
  const expiresAt = nowSeconds() + seconds;
  // RFC 9068; a token for nobody but the provider needs no form.
  const accessToken =
    resource === undefined
      ? randomUUID()
      : tokenFor(
          state,
          client,
          {
            iss: state.issuer,
            sub,
            aud: resource,
            client_id: client.clientId,
            scope,
            jti: randomUUID(),
            iat: nowSeconds(),
            exp: expiresAt,
            ...(jkt !== undefined && { cnf: { jkt } }),
          },
          { header: { typ: "at+jwt" } },
        );
  state.grants.addAccessToken(accessToken, {
    grant,
    scope,
    audience: resource,
    expiresAt,
    jkt,
  });
  return {
    accessToken,
    response: {
      access_token: accessToken,
      token_type: jkt === undefined ? "Bearer" : "DPoP",
      expires_in: seconds,
      scope,
    },
  };
}
