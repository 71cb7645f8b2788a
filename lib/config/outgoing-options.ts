/** Options about requests that the kit itself makes: what sends them. */
import { Agent } from "node:http";
import * as z from "zod";
import { parseUrl } from "../base/parse-url.js";
import { functionValue } from "./option-values.js";
import type { Filled, Shape } from "./read-options.js";

/** A request that the kit makes, as `fetch` takes it. */
export interface OutgoingRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent where the request has none. A stream only where `loginOf(req).fetch` was given one. */
  readonly body?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  /** There where the body is a stream: `fetch` wants it said. */
  readonly duplex?: "half";
  /** A redirect is an answer like any other: following it would send credentials along. */
  readonly redirect: "manual";
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** What of a `Response` is read; that of undici or another library will do. */
export interface OutgoingResponse {
  readonly status: number;
  readonly headers: Iterable<readonly [string, string]>;
  /** A stream of bytes, or null. */
  readonly body: unknown;
}

/**
 * A function like `fetch`. It passes all of `request` on, and resolves when the
 * answer begins.
 */
export type OutgoingFetch = (
  url: string,
  request: OutgoingRequest,
) => Promise<OutgoingResponse>;

/** Options about requests that the kit itself makes. */
export interface OutgoingOptions {
  /**
   * Sends every request that the kit itself makes, in place of Node's `fetch`: to
   * the provider (metadata, keys, tokens, UserInfo) and those of
   * `loginOf(req).fetch`. Through a proxy, with a certificate of the client
   * (mutual TLS), with tracing. Default: none, so `fetch` sends them.
   *
   * Time, redirects, and the size of what the provider answers, stay limited by
   * the kit. A function that throws, or answers something else than a `Response`,
   * is a provider or a resource server that is not available.
   *
   * @see docs/providers.md#example-through-a-proxy
   */
  readonly fetch?: OutgoingFetch;
  /**
   * Opens the connections of `forward` and `forwardUpgrade`: an `http.Agent` or
   * `https.Agent`, or a function that gives one for a URL (undefined: the kit's
   * own). Through a proxy, with a certificate authority of your own, with a
   * certificate of the client. Default: none, so the kit has an agent for each
   * resource server.
   *
   * The agent decides how many connections wait for their next request, and how
   * long. What is sent on one of them unasked still closes it.
   *
   * @see docs/forwarding.md#an-agent-of-your-own
   */
  readonly agent?: Agent | ((url: URL) => Agent | undefined);
}

/** The same after checking. */
export type OutgoingConfig = Filled<OutgoingOptions, "fetch" | "agent">;

/** What they may be. */
export const outgoingShape: Shape<OutgoingConfig> = {
  fetch: functionValue<OutgoingFetch>(
    "must be a function like fetch",
  ).optional(),
  agent: z
    .custom<NonNullable<OutgoingConfig["agent"]>>(
      (value) => value instanceof Agent || typeof value === "function",
      "must be an http.Agent, an https.Agent, or a function of the URL that gives one; a dispatcher of undici belongs into fetch",
    )
    .optional(),
};

/** What they must fulfil beyond that, as lines for people; some may be missing because their shape was wrong. */
export function outgoingProblems(
  { agent }: Partial<OutgoingConfig>,
  resourceServers: Readonly<Record<string, { readonly url: string }>> = {},
): string[] {
  if (!(agent instanceof Agent)) return uncalledProblems(agent);
  return Object.entries(resourceServers).flatMap(([name, { url }]) =>
    fits(agent, parseUrl(url))
      ? []
      : [
          `agent: is one for another protocol than resourceServers.${name}.url; hand over a function of the URL that gives an agent for each`,
        ],
  );
}

/** Whether an agent is for the protocol of a URL. Only Node's own say which theirs is. */
export function fits(agent: Agent, url: URL | undefined): boolean {
  const { value } = (Object.getOwnPropertyDescriptor(agent, "protocol") ??
    {}) as { value?: unknown };
  return url === undefined || value === undefined || value === url.protocol;
}

/** A class is a function too: without `new` it gives no agent. */
function uncalledProblems(agent: unknown): string[] {
  const { prototype } = (agent ?? {}) as { prototype?: unknown };
  return prototype instanceof Agent || prototype === Agent.prototype
    ? ["agent: must be an agent and not its class: write new Agent(...)"]
    : [];
}
