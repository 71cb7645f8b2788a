/** Options about requests that the kit itself makes: what is refused at the start. */
import { Agent } from "node:http";
import { Agent as HttpsAgent } from "node:https";

import { expect, test } from "@jest/globals";
import { Agent as Dispatcher } from "undici";

import { problemsOf, read } from "../support/read-options.js";

test.each(["fetch", {}, null])("fetch: %j is no function", (fetch) => {
  expect(problemsOf({ fetch })).toEqual([
    "fetch: must be a function like fetch",
  ]);
});

test.each([
  ["a text", "http://proxy.example"],
  ["its options", { keepAlive: true }],
  ["null", null],
  ["a dispatcher of undici", new Dispatcher()],
])("agent: %s is no agent", (_what, agent) => {
  expect(problemsOf({ agent })).toEqual([
    "agent: must be an http.Agent, an https.Agent, or a function of the URL that gives one; a dispatcher of undici belongs into fetch",
  ]);
});

test.each([Agent, HttpsAgent, class extends Agent {}])(
  "agent: a class is not called as a function",
  (agent) => {
    expect(problemsOf({ agent })).toEqual([
      "agent: must be an agent and not its class: write new Agent(...)",
    ]);
  },
);

const SERVERS = {
  orders: { url: "https://orders.example" },
  local: { url: "http://127.0.0.1:4000" },
};

test.each([
  ["orders", new Agent()],
  ["local", new HttpsAgent()],
])(
  "agent: %s cannot be reached by one for the other protocol",
  (name, agent) => {
    expect(problemsOf({ agent, resourceServers: SERVERS })).toEqual([
      `agent: is one for another protocol than resourceServers.${name}.url; hand over a function of the URL that gives an agent for each`,
    ]);
  },
);

test("agent: one that fits, or a function, is taken as it is", () => {
  const { orders } = SERVERS;
  const agent = new HttpsAgent();
  expect(read({ agent, resourceServers: { orders } }).agent).toBe(agent);
  const choose = () => undefined;
  expect(read({ agent: choose, resourceServers: SERVERS }).agent).toBe(choose);
  expect(Object.isFrozen(agent)).toBe(false);
});
