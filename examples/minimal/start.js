// Starts app.js with a provider of the test kit, so that nothing has to be set.
import { randomBytes } from "node:crypto";
import { testProvider } from "express-login-kit/testing";

const { issuer, clientId, clientSecret } = await testProvider();
Object.assign(process.env, {
  OIDC_ISSUER: issuer,
  OIDC_CLIENT_ID: clientId,
  OIDC_CLIENT_SECRET: clientSecret,
  BASE_URL: "http://localhost:3000",
  SESSION_SECRET: randomBytes(32).toString("base64url"),
});
await import("./app.js");
console.log("Open http://localhost:3000");
