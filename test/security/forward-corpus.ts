/**
 * Requests that try to make `forward` say something to somebody it should not.
 *
 * `{evil}` stands for host and port of a listener that nobody configured, `{app}`
 * for those of the application. Characters above U+007F are sent as one byte each.
 * They are in forward-corpus.json.
 */
import { corpus } from "../support/corpus.js";

/** One request. */
export interface Attack {
  readonly kind: string;
  readonly method: string;
  readonly target: string;
  /** Header lines, besides Host, Cookie, Sec-Fetch-Site and Connection where these are not among them. */
  readonly lines: readonly string[];
  /** Sent as it is; nothing is computed from it. */
  readonly body: string;
  readonly version: string;
  readonly reaches: Reaches;
}

/**
 * How many requests the resource server gets of it: none, exactly one that is
 * clean, or that is left open.
 */
export type Reaches = "never" | "once" | "open";

interface TargetGroup {
  readonly kind: string;
  readonly reaches: Reaches;
  readonly targets: readonly string[];
}

interface HeaderGroup {
  readonly kind: string;
  readonly reaches: Reaches;
  readonly requests: readonly (
    | readonly string[]
    | {
        readonly method?: string;
        readonly target?: string;
        readonly version?: string;
        readonly lines: readonly string[];
        readonly body?: string;
      }
  )[];
}

const { targets, headers } = corpus("forward-corpus.json") as {
  readonly targets: readonly TargetGroup[];
  readonly headers: readonly HeaderGroup[];
};

/** What is too long to be written down. */
const MANY: HeaderGroup = {
  kind: "headers that are many",
  reaches: "open",
  requests: [
    Array.from({ length: 300 }, (_, index) => `X-${String(index)}: 1`),
    Array.from({ length: 100 }, () => "Accept: text/plain"),
  ],
};

/** The whole corpus. */
export const attacks: readonly Attack[] = [
  ...targets.flatMap(({ kind, reaches, targets: all }) =>
    all.map((target) => attack({ kind, reaches, target })),
  ),
  ...[...headers, MANY].flatMap(({ kind, reaches, requests }) =>
    requests.map((request) =>
      attack({
        kind,
        reaches,
        ...("lines" in request ? request : { lines: request }),
      }),
    ),
  ),
];

function attack(
  particular: Partial<Attack> & Pick<Attack, "kind" | "reaches">,
): Attack {
  return {
    method: "GET",
    target: "/api/orders",
    lines: [],
    body: "",
    version: "HTTP/1.1",
    ...particular,
  };
}
