/** Forwarded requests that are measured, and carry the trace on. */
import type { Telemetry } from "../telling/telemetry.js";
import type { Send } from "./send.js";

/** The same sender where nobody measures. */
export function measuredSend(
  send: Send,
  telemetry: Telemetry | undefined,
): Send {
  if (telemetry === undefined) return send;
  return (server, user, outgoing) => {
    const { method, url } = outgoing;
    const to = { "login_kit.resource_server.name": server.name };
    return telemetry.request({ method, url, to }, (carried) => {
      Object.assign(outgoing.headers, carried);
      return send(server, user, outgoing);
    });
  };
}
