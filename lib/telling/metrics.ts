/** Counts what happens to logins, tokens and requests, for whoever reads the kit's metrics. */
import type { EventEmitter } from "node:events";
import type { Counters } from "./counters.js";
import type { LoginKitEvents } from "./events.js";
import type { Attributes, OpenTelemetry } from "./opentelemetry.js";
import { errorTypeOf, SCOPE } from "./telemetry.js";

/** What is counted beside the events. */
export interface Counted {
  readonly events: EventEmitter<LoginKitEvents>;
  readonly counters: Readonly<Counters>;
  /** How many answers and sockets end with their login. */
  readonly openStreams: () => number;
}

const SUCCEEDED: Attributes = { "login_kit.outcome": "succeeded" };

/** A counter, and the events that raise it by one, each with what it says of them. */
interface EventCounter {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly raisedBy: {
    readonly [Name in keyof LoginKitEvents]?: (
      ...payload: LoginKitEvents[Name]
    ) => Attributes;
  };
}

const EVENT_COUNTERS: readonly EventCounter[] = [
  {
    name: "login_kit.sign_in.started",
    unit: "{sign-in}",
    description: "Browsers that were sent to a provider.",
    raisedBy: { "login.started": () => ({}) },
  },
  {
    name: "login_kit.sign_in.finished",
    unit: "{sign-in}",
    description: "Sign-ins that came to an end, by outcome.",
    raisedBy: {
      "login.succeeded": ({ provider }) => ({
        ...SUCCEEDED,
        "login_kit.provider.name": provider,
      }),
      "login.failed": failed,
    },
  },
  {
    name: "login_kit.login.ended",
    unit: "{login}",
    description: "Logins that ended, by reason.",
    raisedBy: {
      "login.ended": ({ reason }) => ({ "login_kit.end.reason": reason }),
    },
  },
  {
    name: "login_kit.logout.received",
    unit: "{logout}",
    description: "Logouts that a provider told of, by channel.",
    raisedBy: {
      "logout.received": ({ channel }) => ({
        "login_kit.logout.channel": channel,
      }),
    },
  },
  {
    name: "login_kit.token.refreshes",
    unit: "{refresh}",
    description: "New access tokens of logins, by outcome.",
    raisedBy: {
      "token.refreshed": () => SUCCEEDED,
      "token.refresh_failed": failed,
    },
  },
  {
    name: "login_kit.claims.refreshes",
    unit: "{refresh}",
    description: "Renewals of claims, by outcome.",
    raisedBy: {
      "claims.refreshed": () => SUCCEEDED,
      "claims.refresh_failed": failed,
    },
  },
  {
    name: "login_kit.revocation.failed",
    unit: "{revocation}",
    description: "Tokens of ended logins that could not be revoked.",
    raisedBy: { "token.revocation_failed": typed },
  },
  {
    name: "login_kit.request.refused",
    unit: "{request}",
    description: "Requests that were refused, by error code.",
    raisedBy: { "request.refused": typed },
  },
  {
    name: "login_kit.errors",
    unit: "{error}",
    description: "Failures that the event error tells, by error code.",
    raisedBy: { error: (error) => ({ "error.type": errorTypeOf(error) }) },
  },
];

/** Counters that are kept in any case, and are read. */
const READ_COUNTERS: Readonly<
  Record<keyof Counters, Pick<EventCounter, "name" | "unit" | "description">>
> = {
  tokenRequests: {
    name: "login_kit.token.requests",
    unit: "{request}",
    description:
      "Refresh, exchange and client credentials requests that were sent.",
  },
  tokenWaits: {
    name: "login_kit.token.waits",
    unit: "{wait}",
    description: "Waits for another process that was refreshing already.",
  },
  tokenConflicts: {
    name: "login_kit.token.conflicts",
    unit: "{conflict}",
    description: "New tokens that came after another process had stored newer.",
  },
};

/** Counts from now on, where metrics are wanted. */
export function countFor(
  { metrics }: OpenTelemetry,
  { events, counters, openStreams }: Counted,
): void {
  const meter = metrics?.getMeter(SCOPE);
  if (meter === undefined) return;
  for (const { name, raisedBy, ...options } of EVENT_COUNTERS) {
    const counter = meter.createCounter(name, options);
    for (const [event, attributesOf] of Object.entries(raisedBy)) {
      // The same name again: entries have lost their types.
      const attributes = attributesOf as (payload: unknown) => Attributes;
      (events as EventEmitter).on(event, (payload: unknown) => {
        counter.add(1, attributes(payload));
      });
    }
  }
  for (const [counter, { name, ...options }] of Object.entries(READ_COUNTERS)) {
    meter.createObservableCounter(name, options).addCallback((result) => {
      result.observe(counters[counter as keyof Counters]);
    });
  }
  meter
    .createObservableUpDownCounter("login_kit.streams.open", {
      unit: "{stream}",
      description: "Answers and sockets that end with their login.",
    })
    .addCallback((result) => {
      result.observe(openStreams());
    });
}

function failed({ code }: { readonly code: string }): Attributes {
  return { "login_kit.outcome": "failed", "error.type": code };
}

function typed({ code }: { readonly code: string }): Attributes {
  return { "error.type": code };
}
