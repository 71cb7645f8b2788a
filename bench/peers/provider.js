/** A provider that is fast: it signs ID Tokens with all claims, rotates refresh tokens, and asks nobody anything. */
import { Buffer } from "node:buffer";
import { createHash, createSign, generateKeyPairSync } from "node:crypto";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { URLSearchParams } from "node:url";

import { serve } from "./serve.js";

/** How long a refresh takes, in milliseconds; those of a stampede meet meanwhile. */
const REFRESH_MS = Number(process.env["REFRESH_MS"] ?? 0);
/** Seconds that access tokens live. */
const LIFETIME = Number(process.env["TOKEN_SECONDS"] ?? 3600);

const { publicKey, privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
});
const jwks = JSON.stringify({
  keys: [
    {
      ...publicKey.export({ format: "jwk" }),
      kid: "1",
      use: "sig",
      alg: "RS256",
    },
  ],
});
/** Refresh tokens that are good, by what they were issued for. */
const good = new Map();
const counts = { codes: 0, refreshes: 0, refused: 0 };
let serial = 0;

serve(async (req, res) => {
  const { host } = req.headers;
  const issuer = `http://${host}`;
  const [path] = req.url.split("?");
  if (path === "/.well-known/openid-configuration") {
    json(res, 200, JSON.stringify(metadata(issuer)));
  } else if (path === "/jwks") json(res, 200, jwks);
  else if (path === "/counts") json(res, 200, JSON.stringify(counts));
  else if (path === "/token") await token(req, res, issuer);
  else json(res, 404, "{}");
});

async function token(req, res, issuer) {
  let body = "";
  for await (const chunk of req) body += chunk;
  const form = new URLSearchParams(body);
  if (form.get("grant_type") === "refresh_token") {
    counts.refreshes += 1;
    await sleep(REFRESH_MS);
    const before = good.get(form.get("refresh_token"));
    // A refresh token that is used twice ends the grant, as reuse detection has it.
    if (before === undefined || before.grant.ended) {
      counts.refused += 1;
      json(res, 400, '{"error":"invalid_grant"}');
      return;
    }
    if (before.used) {
      before.grant.ended = true;
      counts.refused += 1;
      json(res, 400, '{"error":"invalid_grant"}');
      return;
    }
    before.used = true;
    issue(res, issuer, before.grant);
    return;
  }
  counts.codes += 1;
  // A code says what the authorization request asked for.
  const asked = JSON.parse(
    Buffer.from(form.get("code") ?? "", "base64url").toString(),
  );
  const challenge = createHash("sha256")
    .update(form.get("code_verifier") ?? "")
    .digest("base64url");
  if (challenge !== asked.challenge) {
    json(res, 400, '{"error":"invalid_grant"}');
    return;
  }
  issue(res, issuer, { ...asked, ended: false });
}

function issue(res, issuer, grant) {
  const seconds = Math.floor(Date.now() / 1000);
  const refreshToken = `refresh-${++serial}-${"r".repeat(30)}`;
  good.set(refreshToken, { grant, used: false });
  json(
    res,
    200,
    JSON.stringify({
      token_type: "Bearer",
      access_token: signed({
        iss: issuer,
        sub: grant.sub,
        aud: "https://orders.example",
        client_id: "shop",
        scope: "openid profile email",
        iat: seconds,
        exp: seconds + LIFETIME,
        jti: String(serial),
      }),
      refresh_token: refreshToken,
      expires_in: LIFETIME,
      scope: "openid profile email",
      id_token: signed({
        iss: issuer,
        sub: grant.sub,
        aud: "shop",
        ...(grant.nonce && { nonce: grant.nonce }),
        iat: seconds,
        exp: seconds + 300,
        auth_time: seconds,
        sid: `session-${serial}`,
        name: "Jane Doe",
        // Another for each user: applications may go by it.
        email: `${grant.sub.slice(-8)}@example.com`,
        email_verified: true,
      }),
    }),
  );
}

function metadata(issuer) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    // Auth.js does not start without one; nobody needs it here.
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: ["authorization_code", "refresh_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    token_endpoint_auth_methods_supported: [
      "client_secret_basic",
      "client_secret_post",
    ],
    code_challenge_methods_supported: ["S256"],
    scopes_supported: ["openid", "profile", "email", "offline_access"],
    authorization_response_iss_parameter_supported: true,
  };
}

function signed(claims) {
  const part = (value) =>
    Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "RS256", typ: "JWT", kid: "1" })}.${part(claims)}`;
  const signature = createSign("sha256").update(text).sign(privateKey);
  return `${text}.${signature.toString("base64url")}`;
}

function json(res, status, body) {
  res.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
  });
  res.end(body);
}
