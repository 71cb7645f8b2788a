import type { Express } from "express";
import {
  advance,
  endLogin,
  expireAccessToken,
  lastRequestTo,
  loginAs,
  resetClock,
  signIn,
  testProvider,
  type TestProvider,
  testResourceServer,
  type TestResourceServer,
} from "express-login-kit/testing";
import request from "supertest";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  test,
} from "vitest";
import { createApp } from "./app.js";

let provider: TestProvider;
let orders: TestResourceServer;
let app: Express;
let agent: ReturnType<typeof request.agent>;

beforeAll(async () => {
  provider = await testProvider();
  orders = await testResourceServer();
  app = createApp({ ...provider, ordersUrl: orders.url });
});
beforeEach(() => {
  agent = request.agent(app);
});
afterEach(resetClock);
afterAll(() => Promise.all([provider.close(), orders.close()]));

test("nobody is signed in: 401", async () => {
  await agent.get("/me").expect(401);
});

test("greets the user by name", async () => {
  await loginAs(agent, { name: "Ada" });
  await agent.get("/me").expect(200, "Hello Ada");
});

test("a user can wish", async () => {
  await loginAs(agent);
  await agent.post("/wishes").expect(201, { wished: true });
});

test("the orders API gets the user's access token", async () => {
  await loginAs(agent, { sub: "bob" });
  await agent.get("/api/orders").expect(200, { sub: "bob" });
  expect(lastRequestTo(orders).target).toBe("/");
});

test("an access token that has expired is replaced", async () => {
  const login = await loginAs(agent);
  await agent.get("/api/orders").expect(200);
  const { token } = lastRequestTo(orders);
  expireAccessToken(login);
  await agent.get("/api/orders").expect(200);
  expect(lastRequestTo(orders).token).not.toBe(token);
});

test("a login ends after half an hour without a request", async () => {
  await loginAs(agent);
  advance(31 * 60);
  await agent.get("/me").expect(401);
});

test("a login ends when the provider says so", async () => {
  const login = await loginAs(agent);
  await endLogin(login);
  await agent.get("/me").expect(401);
});

test("the whole way: sign in, agree, and back", async () => {
  await signIn(agent, "alice");
  await agent.get("/me").expect(200, "Hello Alice");
});
