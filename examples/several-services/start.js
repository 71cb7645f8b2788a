// Starts two services and the application with a provider of the test kit.
import { randomBytes } from "node:crypto";
import { testProvider } from "express-login-kit/testing";
import { createService } from "./service.js";

const { issuer, clientId, clientSecret } = await testProvider();
const answer = await fetch(`${issuer}/.well-known/openid-configuration`);
const metadata = /** @type {{ jwks_uri: string }} */ (await answer.json());

const listen = (service) =>
  new Promise((resolve) => {
    const server = service.listen(0, "127.0.0.1", () => {
      resolve(`http://127.0.0.1:${server.address().port}`);
    });
  });
const orders = createService({
  issuer,
  jwksUri: metadata.jwks_uri,
  audience: "https://orders.example",
  things: ["Porcelain teapot"],
});
const invoices = createService({
  issuer,
  jwksUri: metadata.jwks_uri,
  audience: "https://invoices.example",
  things: ["Invoice 17"],
});

Object.assign(process.env, {
  OIDC_ISSUER: issuer,
  OIDC_CLIENT_ID: clientId,
  OIDC_CLIENT_SECRET: clientSecret,
  BASE_URL: "http://localhost:3000",
  SESSION_SECRET: randomBytes(32).toString("base64url"),
  ORDERS_URL: await listen(orders),
  INVOICES_URL: await listen(invoices),
});
await import("./app.js");
console.log("Open http://localhost:3000");
