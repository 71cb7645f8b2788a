import assert from "node:assert/strict";
import { once } from "node:events";
import { after, afterEach, before, beforeEach, test } from "node:test";
import {
  advance,
  cookieFetch,
  endLogin,
  expireAccessToken,
  lastRequestTo,
  loginAs,
  resetClock,
  signIn,
  testProvider,
  testResourceServer,
} from "express-login-kit/testing";
import { createApp } from "./app.js";

let provider;
let orders;
let server;
let fetch;

before(async () => {
  provider = await testProvider();
  orders = await testResourceServer();
  const app = createApp({ ...provider, ordersUrl: orders.url });
  server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
});
beforeEach(() => {
  fetch = cookieFetch(`http://127.0.0.1:${server.address().port}`);
});
afterEach(resetClock);
after(async () => {
  await Promise.all([provider.close(), orders.close()]);
  server.closeAllConnections();
  server.close();
});

test("nobody is signed in: 401", async () => {
  assert.equal((await fetch("/me")).status, 401);
});

test("greets the user by name", async () => {
  await loginAs(fetch, { name: "Ada" });
  assert.equal(await (await fetch("/me")).text(), "Hello Ada");
});

test("a user can wish", async () => {
  await loginAs(fetch);
  assert.equal((await fetch("/wishes", { method: "POST" })).status, 201);
});

test("the orders API gets the user's access token", async () => {
  await loginAs(fetch, { sub: "bob" });
  await fetch("/api/orders");
  assert.equal(lastRequestTo(orders).sub, "bob");
});

test("an access token that has expired is replaced", async () => {
  const login = await loginAs(fetch);
  await fetch("/api/orders");
  const { token } = lastRequestTo(orders);
  expireAccessToken(login);
  assert.equal((await fetch("/api/orders")).status, 200);
  assert.notEqual(lastRequestTo(orders).token, token);
});

test("a login ends after half an hour without a request", async () => {
  await loginAs(fetch);
  advance(31 * 60);
  assert.equal((await fetch("/me")).status, 401);
});

test("a login ends when the provider says so", async () => {
  const login = await loginAs(fetch);
  await endLogin(login);
  assert.equal((await fetch("/me")).status, 401);
});

test("the whole way: sign in, agree, and back", async () => {
  await signIn(fetch, "alice");
  assert.equal(await (await fetch("/me")).text(), "Hello Alice");
});
