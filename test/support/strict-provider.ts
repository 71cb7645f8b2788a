/** oidc-provider with everything switched on that makes a login safer: it takes nothing less. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { TLSSocket } from "node:tls";

import type { ClientMetadata, Configuration, JWK } from "oidc-provider";

import { freshProviderMemory } from "./signing-key.js";
import {
  CLIENT_ID,
  CLIENT_SECRET,
  listening,
  ORDERS_RESOURCE,
} from "./world.js";

/** How the client shows itself. With a certificate its tokens are bound to that, else to a key. */
export type StrictMethod =
  "private_key_jwt" | "tls_client_auth" | "self_signed_tls_client_auth";

/** What the provider got. */
export interface StrictRequest {
  readonly path: string;
  /** With a certificate whose authority is known. */
  readonly hasCertificate: boolean;
  /** The proof that came with it. */
  readonly proof: string | undefined;
}

/** The provider. */
export interface StrictProvider {
  readonly issuer: string;
  readonly received: readonly StrictRequest[];
  readonly close: () => Promise<void>;
}

/** What it is started with. */
export interface StrictProviderOptions {
  /** Of the application, which has its keys at `/keys`. */
  readonly appUrl: string;
  readonly method: StrictMethod;
  /** The server for clients with certificates, and their authority. */
  readonly tls?: ServerOptions | undefined;
}

/** A key that signs by ES256. */
export function signingKey(kid: string): JWK {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    ...(privateKey.export({ format: "jwk" }) as JWK),
    kid,
    alg: "ES256",
    use: "sig",
  };
}

/** Starts it; close it in the end. */
export async function strictProvider({
  appUrl,
  method,
  tls,
}: StrictProviderOptions): Promise<StrictProvider> {
  const server = await listening();
  const forCertificates =
    tls &&
    createServer({
      ...tls,
      requestCert: true,
      // A certificate that nobody knows is the provider's to refuse.
      rejectUnauthorized: false,
    });
  forCertificates?.listen(0, "127.0.0.1");
  if (forCertificates) await once(forCertificates, "listening");
  const { createProvider } = await import("../../demo-app/provider.js");
  const memory = await freshProviderMemory();
  const { app } = await createProvider({
    memory: { ...memory, keys: [...memory.keys, signingKey("provider")] },
    issuer: server.url,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    baseUrls: [appUrl],
    ordersResource: ORDERS_RESOURCE,
    client: clientOf(appUrl, method),
    overrides:
      forCertificates === undefined
        ? { clientAuthMethods: [method], features: { ...STRICT, ...proofs() } }
        : {
            clientAuthMethods: [method],
            ...aliasesAt(forCertificates.address() as AddressInfo),
            features: { ...STRICT, ...CERTIFICATES },
          },
  });
  const received: StrictRequest[] = [];
  const serve: Parameters<typeof server.serve>[0] = (req, res) => {
    received.push({
      path: new URL(req.url ?? "", server.url).pathname,
      hasCertificate: isAuthorized(req.socket),
      proof: req.headers["dpop"] as string | undefined,
    });
    app(req, res);
  };
  server.serve(serve);
  forCertificates?.on("request", serve);
  return {
    issuer: server.url,
    received,
    async close() {
      forCertificates?.closeAllConnections();
      forCertificates?.close();
      await server.close();
    },
  };
}

function clientOf(
  appUrl: string,
  method: StrictMethod,
): Partial<ClientMetadata> {
  return {
    jwks_uri: `${appUrl}/keys`,
    token_endpoint_auth_method: method,
    id_token_signed_response_alg: "ES256",
    authorization_signed_response_alg: "ES256",
    request_object_signing_alg: "ES256",
    require_pushed_authorization_requests: true,
    require_signed_request_object: true,
    ...(method === "private_key_jwt"
      ? {
          token_endpoint_auth_signing_alg: "ES256",
          dpop_bound_access_tokens: true,
        }
      : { tls_client_certificate_bound_access_tokens: true }),
    ...(method === "tls_client_auth" && {
      tls_client_auth_san_dns: "shop.example",
    }),
  };
}

type Features = NonNullable<Configuration["features"]>;

const STRICT = {
  fapi: { enabled: true, profile: "2.0" },
  pushedAuthorizationRequests: { enabled: true },
  requestObjects: { enabled: true, requireSignedRequestObject: true },
  jwtResponseModes: { enabled: true },
} satisfies Features;

/** Each proof has a nonce. */
function proofs() {
  return {
    dPoP: {
      enabled: true,
      nonceSecret: randomBytes(32),
      requireNonce: () => true,
    },
  } satisfies Features;
}

const CERTIFICATES = {
  dPoP: { enabled: false },
  mTLS: {
    enabled: true,
    certificateBoundAccessTokens: true,
    selfSignedTlsClientAuth: true,
    tlsClientAuth: true,
    getCertificate: ({ socket }) => certificateAt(socket)?.toString(),
    certificateAuthorized: ({ socket }) => isAuthorized(socket),
    certificateSubjectMatches: ({ socket }, property, expected) =>
      property === "tls_client_auth_san_dns" &&
      certificateAt(socket)?.checkHost(expected) !== undefined,
  },
} satisfies Features;

function aliasesAt({ port }: AddressInfo): Pick<Configuration, "discovery"> {
  const url = `https://127.0.0.1:${String(port)}`;
  return {
    discovery: {
      mtls_endpoint_aliases: {
        pushed_authorization_request_endpoint: `${url}/request`,
        token_endpoint: `${url}/token`,
        userinfo_endpoint: `${url}/me`,
        revocation_endpoint: `${url}/token/revocation`,
      },
    },
  };
}

function certificateAt(socket: unknown) {
  return socket instanceof TLSSocket
    ? socket.getPeerX509Certificate()
    : undefined;
}

function isAuthorized(socket: unknown): boolean {
  return socket instanceof TLSSocket && socket.authorized;
}
