const {
  advance,
  loginAs,
  resetClock,
  testProvider,
} = require("express-login-kit/testing");
const request = require("supertest");
const { createApp } = require("./app.js");

let provider;
let agent;

beforeAll(async () => {
  provider = await testProvider();
});
beforeEach(() => {
  agent = request.agent(createApp(provider));
});
afterEach(resetClock);
afterAll(() => provider.close());

test("nobody is signed in: 401", async () => {
  await agent.get("/me").expect(401);
});

test("greets the user by name", async () => {
  await loginAs(agent, { name: "Ada" });
  await agent.get("/me").expect(200, "Hello Ada");
});

test("a login ends after half an hour without a request", async () => {
  await loginAs(agent);
  advance(31 * 60);
  await agent.get("/me").expect(401);
});
