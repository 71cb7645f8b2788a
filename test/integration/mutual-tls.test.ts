/** Client authentication by a certificate (RFC 8705): through the option fetch, at the provider's aliases. */
import { readFileSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { createServer } from "node:https";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { Readable } from "node:stream";

import { afterEach, describe, expect, test } from "@jest/globals";

import type { OutgoingFetch, ProviderOptions } from "../../lib/index.js";
import { createAuthority } from "../support/certificates.js";
import { lyingWorld } from "../support/lying-world.js";
import { createTestBrowser } from "../support/test-browser.js";
import { CLIENT_ID } from "../support/world.js";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Trust {
  readonly ca: string;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** A fetch of `node:https`, that shows a certificate. */
function fetchWith(trust: Trust): OutgoingFetch {
  return (url, { method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const send = url.startsWith("https:") ? httpsRequest : httpRequest;
      const sent = send(
        url,
        { method, headers, signal, ...trust },
        (answer) => {
          resolve(
            new Response(Readable.toWeb(answer) as never, {
              status: answer.statusCode ?? 0,
              headers: Object.entries(answer.headersDistinct).flatMap(
                ([name, values = []]) =>
                  values.map((value): [string, string] => [name, value]),
              ),
            }),
          );
        },
      );
      sent.once("error", reject);
      sent.end(body);
    });
}

function isAuthorized(socket: Socket): boolean {
  return socket instanceof TLSSocket && socket.authorized;
}

/** A server with TLS before the provider, that lets those through whose certificate an authority has signed. */
async function mutualTlsBefore() {
  const authority = createAuthority();
  ends.push(() => {
    authority.remove();
  });
  const pair = (names: string) => {
    const { cert, key } = authority.sign(names);
    return { cert: readFileSync(cert), key: readFileSync(key) };
  };
  const { ca } = authority;
  const seen: { path: string; hasCertificate: boolean }[] = [];
  let behind = "";
  const server = createServer(
    {
      ...pair("IP:127.0.0.1"),
      ca,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (req, res) => {
      const hasCertificate = isAuthorized(req.socket);
      seen.push({ path: req.url ?? "", hasCertificate });
      if (!hasCertificate) {
        res.writeHead(401, { "content-type": "application/json" });
        res.end('{"error":"invalid_client"}');
        return;
      }
      const { method, headers } = req;
      const on = httpRequest(behind + String(req.url), { method, headers });
      on.once("response", (answer) => {
        res.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(res);
      });
      req.pipe(on);
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    trust: { ca, ...pair("DNS:shop.example") },
    before(url: string) {
      behind = url;
    },
  };
}

async function start(
  clientAuth: ProviderOptions["clientAuth"],
  withCertificate = true,
) {
  const tls = await mutualTlsBefore();
  const { ca, ...own } = tls.trust;
  const w = await lyingWorld({
    // The server before it has looked at the certificate.
    client: { tokenEndpointAuthMethod: "none" },
    provider: {
      offers: { pushedRequests: "required" },
      misbehave: {
        metadata: (right) => ({
          ...right,
          tls_client_certificate_bound_access_tokens: true,
          mtls_endpoint_aliases: Object.fromEntries(
            [
              ["token_endpoint", "token"],
              ["pushed_authorization_request_endpoint", "par"],
              ["userinfo_endpoint", "userinfo"],
              ["revocation_endpoint", "revoke"],
            ].map(([name, path]) => [name, `${tls.url}/${String(path)}`]),
          ),
        }),
      },
    },
    kit: {
      scope: "openid profile",
      clientSecret: undefined as never,
      ...(clientAuth !== undefined && { clientAuth }),
      fetch: fetchWith({ ca, ...(withCertificate && own) }),
    },
  });
  ends.push(w.close);
  tls.before(w.provider.issuer);
  return {
    ...w,
    seen: tls.seen,
    open: () => createTestBrowser().navigate(`${w.url}/login?return_to=/me`),
  };
}

describe.each(["tls_client_auth", "self_signed_tls_client_auth"] as const)(
  "%s",
  (clientAuth) => {
    // Shows: MT-02, MT-03, F2-08
    test("oidcc-client-test-mtls-endpoint-aliases: signs in at the aliases", async () => {
      const w = await start(clientAuth);
      expect((await w.open()).response.status).toBe(200);
      expect(w.seen).toEqual(
        ["/par", "/token", "/userinfo"].map((path) => ({
          path,
          hasCertificate: true,
        })),
      );
      const form = w.provider.received.find(
        ({ path }) => path === "/token",
      )?.form;
      expect(form?.get("client_id")).toBe(CLIENT_ID);
      expect(form?.has("client_secret")).toBe(false);
      expect(form?.has("client_assertion")).toBe(false);
    });
  },
);

test("MT-01: without the certificate nobody is signed in", async () => {
  const w = await start("tls_client_auth", false);
  expect((await w.open()).response.status).toBe(502);
  expect(w.seen).toEqual([{ path: "/par", hasCertificate: false }]);
});

test("MT-03: a client without a certificate asks at the usual addresses", async () => {
  const { None } = await import("../../lib/index.js");
  const w = await start(None());
  expect((await w.open()).response.status).toBe(200);
  expect(w.seen).toEqual([]);
});

test("MT-04: an alias in clear is refused", async () => {
  const w = await start("tls_client_auth");
  w.provider.misbehave = {
    metadata: (right) => ({
      ...right,
      mtls_endpoint_aliases: { token_endpoint: "http://op.example/token" },
    }),
  };
  const told: string[] = [];
  w.kit.events.on("request.refused", ({ diagnosis }) => told.push(diagnosis));
  expect((await w.open()).response.status).toBe(503);
  expect(told[0]).toContain("token_endpoint is not an https URL");
});
