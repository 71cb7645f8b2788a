/** Requests to a provider that are measured, and carry the trace on. */
import type { Telemetry } from "../telling/telemetry.js";
import type { LimitedFetch } from "./limited-fetch.js";

/** The same fetch where nobody measures. */
export function measuredFetch(
  fetch: LimitedFetch,
  provider: string,
  telemetry: Telemetry | undefined,
): LimitedFetch {
  if (telemetry === undefined) return fetch;
  const to = { "login_kit.provider.name": provider };
  return (url, { headers, ...options }) =>
    telemetry.request(
      { method: options.method, url: new URL(url), to },
      (carried) =>
        fetch(url, {
          ...options,
          headers: { ...Object.fromEntries(new Headers(headers)), ...carried },
        }),
    );
}
