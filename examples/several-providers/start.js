// Starts app.js with two providers of the test kit, so that nothing has to be set.
import { randomBytes } from "node:crypto";
import { testProvider } from "express-login-kit/testing";

const staff = await testProvider({ users: { ada: { name: "Ada" } } });
const customers = await testProvider();
Object.assign(process.env, {
  STAFF_ISSUER: staff.issuer,
  STAFF_CLIENT_ID: staff.clientId,
  STAFF_CLIENT_SECRET: staff.clientSecret,
  CUSTOMERS_ISSUER: customers.issuer,
  CUSTOMERS_CLIENT_ID: customers.clientId,
  CUSTOMERS_CLIENT_SECRET: customers.clientSecret,
  BASE_URL: "http://localhost:3000",
  SESSION_SECRET: randomBytes(32).toString("base64url"),
});
await import("./app.js");
console.log("Open http://localhost:3000");
