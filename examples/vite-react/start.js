// Starts a provider of the test kit, the server and Vite, so that nothing has to be set.
import { randomBytes } from "node:crypto";
import { testProvider } from "express-login-kit/testing";
import { createServer } from "vite";

const { issuer, clientId, clientSecret } = await testProvider();
Object.assign(process.env, {
  OIDC_ISSUER: issuer,
  OIDC_CLIENT_ID: clientId,
  OIDC_CLIENT_SECRET: clientSecret,
  BASE_URL: "http://localhost:5173",
  SESSION_SECRET: randomBytes(32).toString("base64url"),
});
await import("./server.js");
const vite = await createServer();
await vite.listen();
console.log("Open http://localhost:5173");
