/** Metrics and spans of what takes time: answers of the store, requests to others, waits for tokens. */
import { LoginKitError } from "../base/errors.js";
import type { Watch } from "../base/watch.js";
import type {
  Attributes,
  Histogram,
  OpenTelemetry,
  Span,
} from "./opentelemetry.js";

/** What the kit's meter and tracer are called. */
export const SCOPE = "express-login-kit";

/** Other methods are told as `_OTHER`: anybody could make up names. */
const METHODS = new Set([
  ...["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
  "TRACE",
]);

// Of the enumerations SpanKind and SpanStatusCode.
const INTERNAL = 0;
const CLIENT = 2;
const ERROR = 2;

/** Bounds that the semantic conventions name, in seconds. */
const REQUEST_BOUNDS_SECONDS = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
const STORE_BOUNDS_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** A request of the kit to somebody else. */
export interface WatchedRequest {
  readonly method: string;
  readonly url: URL;
  /** Whom it goes to: `login_kit.provider.name` or `login_kit.resource_server.name`. */
  readonly to: Attributes;
}

/** Headers that carry the trace on, by name in small letters. */
export type CarriedHeaders = Readonly<Record<string, string>>;

/** What watches the work of one kit. */
export interface Telemetry {
  /** Watches the answers of a store of this kind. */
  readonly store: (system: string) => Watch;
  /** Sends a request with the headers that carry the trace on; until its answer begins. */
  readonly request: <Answer extends { readonly status: number }>(
    request: WatchedRequest,
    send: (carried: CarriedHeaders) => Promise<Answer>,
  ) => Promise<Answer>;
  /** Watches a request that waits for a new token. */
  readonly tokenWait: <Result>(wait: () => Promise<Result>) => Promise<Result>;
}

/** Work that is watched. */
interface Watched<Result> {
  readonly name: string;
  readonly kind: number;
  readonly histogram: Histogram | undefined;
  readonly attributes: Attributes;
  /** What only the span says. */
  readonly ofSpan?: Attributes;
  readonly work: () => Promise<Result>;
  /** What the result adds. */
  readonly outcome?: (result: Result) => Attributes;
}

/** Creates it over the API. */
export function createTelemetry(api: OpenTelemetry): Telemetry {
  const meter = api.metrics?.getMeter(SCOPE);
  const watch = createWatch(api);
  const durations = (
    name: string,
    description: string,
    explicitBucketBoundaries: number[],
  ): Histogram | undefined =>
    meter?.createHistogram(name, {
      description,
      unit: "s",
      advice: { explicitBucketBoundaries },
    });
  const requests = durations(
    "http.client.request.duration",
    "Time until a provider or a resource server answered.",
    REQUEST_BOUNDS_SECONDS,
  );
  const answers = durations(
    "db.client.operation.duration",
    "Time until the store answered.",
    STORE_BOUNDS_SECONDS,
  );
  const waits = durations(
    "login_kit.token.wait.duration",
    "Time that a request waited for a new token.",
    REQUEST_BOUNDS_SECONDS,
  );

  return {
    store: (system) => (name, work) => {
      const attributes = {
        "db.system.name": system,
        "db.operation.name": name,
      };
      const histogram = answers;
      return watch({ name, kind: CLIENT, histogram, attributes, work });
    },
    request: ({ method: sent, url, to }, send) => {
      const method = METHODS.has(sent) ? sent : "_OTHER";
      return watch({
        name: method === "_OTHER" ? "HTTP" : method,
        kind: CLIENT,
        histogram: requests,
        attributes: {
          ...to,
          "http.request.method": method,
          "server.address": url.hostname,
          "server.port": portOf(url),
        },
        // Without query: codes and tokens may be in it.
        ofSpan: { "url.full": url.origin + url.pathname },
        work: () => send(carriedBy(api)),
        outcome: ({ status }) => ({
          "http.response.status_code": status,
          ...(status >= 400 && { "error.type": String(status) }),
        }),
      });
    },
    tokenWait: (work) =>
      watch({
        name: "login_kit.token.wait",
        kind: INTERNAL,
        histogram: waits,
        attributes: {},
        work,
      }),
  };
}

function createWatch({
  trace,
  context,
}: OpenTelemetry): <Result>(watched: Watched<Result>) => Promise<Result> {
  const tracer = trace?.getTracer(SCOPE);
  const run = <Result>(span: Span | undefined, work: () => Result): Result =>
    span === undefined || trace === undefined || context === undefined
      ? work()
      : context.with(trace.setSpan(context.active(), span), work);

  return async function watch({ name, kind, attributes, ...watched }) {
    const { histogram, ofSpan, work, outcome } = watched;
    const startedAt = performance.now();
    const span = tracer?.startSpan(name, {
      kind,
      attributes: { ...attributes, ...ofSpan },
    });
    const end = (added: Attributes): void => {
      const seconds = (performance.now() - startedAt) / 1000;
      histogram?.record(seconds, { ...attributes, ...added });
      span?.setAttributes(added);
      if ("error.type" in added) span?.setStatus({ code: ERROR });
      span?.end();
    };
    try {
      const result = await run(span, work);
      end(outcome?.(result) ?? {});
      return result;
    } catch (error) {
      end({ "error.type": errorTypeOf(error) });
      throw error;
    }
  };
}

/**
 * Not `baggage`: what an application keeps in it need not be a provider's
 * business.
 */
function carriedBy({ context, propagation }: OpenTelemetry): CarriedHeaders {
  const carrier: Record<string, string> = {};
  if (context === undefined) return carrier;
  propagation?.inject(context.active(), carrier);
  delete carrier["baggage"];
  return carrier;
}

function portOf({ port, protocol }: URL): number {
  if (port !== "") return Number(port);
  return protocol === "https:" ? 443 : 80;
}

/** Of few values: never a message. */
export function errorTypeOf(error: unknown): string {
  if (error instanceof LoginKitError) return error.code;
  const { name, code, cause } = (error ?? {}) as {
    readonly name?: unknown;
    readonly code?: unknown;
    readonly cause?: { readonly code?: unknown };
  };
  const texts = [code, cause?.code, name].filter(
    (one) => typeof one === "string",
  );
  return texts[0] ?? "_OTHER";
}
