/** Tells an open page that its login has ended, by server-sent events. */
import type { Request } from "express";
import { baseUrlOf } from "../config/base-url.js";
import type { Parts } from "../parts.js";
import { LoginKitError } from "../base/errors.js";
import type { Handler } from "../http/answer.js";
import { refuseCrossSite } from "../http/cross-site.js";
import { requireMethod } from "../http/method.js";

/** How often something is sent, so that proxies keep the connection. */
const BEAT_EVERY_MS = 25_000;

/** What the event stream works with. */
type StreamParts = Pick<Parts, "config" | "currentLogin" | "liveLogins">;

/**
 * Creates `GET /session/events`: a stream that stays silent while the login
 * lives, and ends with the event `session-ended`. Listening does not extend
 * the login.
 */
export function createSessionEvents({
  config,
  currentLogin,
  liveLogins,
}: StreamParts): Handler {
  return async function sessionEvents(req, res) {
    requireMethod(req, "GET");
    if (saysWhereFrom(req)) refuseCrossSite(req, baseUrlOf(req, config));
    const login = await currentLogin.find(req, { extend: false });
    if (login === undefined) throw new LoginKitError("ERR_LOGIN_REQUIRED");
    // The page may be gone by now.
    if (res.destroyed) return;
    res.status(200);
    res.set({
      // no-transform: a compressing proxy would keep events back.
      "Cache-Control": "no-store, no-transform",
      "Content-Type": "text/event-stream",
      "X-Accel-Buffering": "no",
      "X-Content-Type-Options": "nosniff",
    });
    res.write(": the login lives\n\n");
    const beat = setInterval(() => res.write(":\n\n"), BEAT_EVERY_MS);
    res.once("close", () => {
      clearInterval(beat);
    });
    const signal = liveLogins.signal(login, res);
    signal.addEventListener(
      "abort",
      () => {
        if (!(signal.reason instanceof LoginKitError)) {
          // The application stops; the page connects to the next process.
          res.end();
          return;
        }
        const data = JSON.stringify({ login_url: config.paths.login });
        res.end(`event: session-ended\ndata: ${data}\n\n`);
      },
      { once: true },
    );
  };
}

/** Older browsers say nothing of it with an event stream, and add no header of ours; other sites get no cookie from them. */
function saysWhereFrom(req: Request): boolean {
  return (req.get("Sec-Fetch-Site") ?? req.get("Origin")) !== undefined;
}
