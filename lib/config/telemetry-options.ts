/** Options about metrics and traces: what they are, may be, and are by default. */
import * as z from "zod";
import type { OpenTelemetry } from "../telling/opentelemetry.js";
import type { Filled, Shape } from "./read-options.js";

/** Options about metrics and traces. */
export interface TelemetryOptions {
  /**
   * The module `@opentelemetry/api`: `import * as telemetry from
   * "@opentelemetry/api"`. The kit then measures sign-ins, refreshes, the store
   * and what it asks of provider and resource servers, makes spans of that, and
   * puts `traceparent` on what it sends. Default none, which costs nothing.
   *
   * Its SDK has to be started before `createLoginKit`. `{ metrics }` alone
   * measures and makes no spans, where other instrumentation makes them already.
   *
   * @see docs/operations.md
   */
  readonly telemetry?: OpenTelemetry;
}

/** The same after checking. */
export type TelemetryConfig = Filled<TelemetryOptions, "telemetry">;

/** Members of the API, and the function that each has at least. */
const MEMBERS = {
  metrics: "getMeter",
  trace: "getTracer",
  context: "active",
  propagation: "inject",
} as const;

/** What they may be. */
export const telemetryShape: Shape<TelemetryConfig> = {
  telemetry: z
    .custom<OpenTelemetry>(
      isOpenTelemetry,
      "must be the module @opentelemetry/api, or its members metrics, or trace with context and propagation",
    )
    // A module cannot be frozen.
    .transform(({ metrics, trace, context, propagation }) => ({
      ...(metrics && { metrics }),
      ...(trace && { trace }),
      ...(context && { context }),
      ...(propagation && { propagation }),
    }))
    .optional(),
};

function isOpenTelemetry(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const api = value as Record<
    string,
    Record<string, unknown> | null | undefined
  >;
  const { metrics, trace, context, propagation } = api;
  if (metrics === undefined && trace === undefined) return false;
  if (trace && !(context && propagation)) return false;
  return Object.entries(MEMBERS).every(
    ([name, method]) =>
      api[name] === undefined || typeof api[name]?.[method] === "function",
  );
}
