/** The option `telemetry`: what passes for OpenTelemetry, and what does not. */
import * as api from "@opentelemetry/api";
import { describe, expect, test } from "@jest/globals";

import { problemsOf, read } from "../support/read-options.js";

describe("telemetry", () => {
  const { metrics, trace, context, propagation } = api;

  test.each<[string, Record<string, unknown>]>([
    ["the module", api],
    ["its default export", api.default],
    ["metrics alone", { metrics }],
    ["traces alone", { trace, context, propagation }],
  ])("may be %s", (_what, telemetry) => {
    expect(problemsOf({ telemetry })).toEqual([]);
  });

  test.each<[string, unknown]>([
    ["neither metrics nor traces", { context, propagation }],
    ["traces that go nowhere", { trace }],
    ["a meter provider", { metrics: {} }],
    ["null for metrics", { metrics: null }],
    ["a text", "opentelemetry"],
  ])("may not be %s", (_what, telemetry) => {
    expect(problemsOf({ telemetry })).toEqual([
      expect.stringContaining("telemetry: must be the module"),
    ]);
  });

  test("is read once: what is changed later has no effect", () => {
    const telemetry: Record<string, unknown> = { metrics };
    const config = read({ telemetry });
    telemetry["metrics"] = undefined;
    expect(config.telemetry?.metrics).toBe(metrics);
  });
});
