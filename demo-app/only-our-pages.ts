/** Lets only this application's own pages, on this computer, use the demo's buttons. */
import type { Request, RequestHandler } from "express";

/** What stands in front of the buttons' routes. */
export interface ButtonGuard {
  readonly baseUrl: string;
  /** Whether only this computer may ask. In a container everybody comes from elsewhere. */
  readonly isLoopbackOnly: boolean;
}

/** Creates the guard; it also works for somebody who is not signed in. */
export function onlyOurPages(guard: ButtonGuard): RequestHandler {
  return function checkSender(req, res, next) {
    if (mayPress(req, guard)) next();
    else {
      res.status(403).json({
        told: "Only this application's own pages, on this computer, may use the demo's buttons.",
      });
    }
  };
}

function mayPress(
  req: Request,
  { baseUrl, isLoopbackOnly }: ButtonGuard,
): boolean {
  const { origin, host } = new URL(baseUrl);
  // A foreign name that leads to this computer (DNS rebinding) is not ours.
  if (req.headers.host !== host) return false;
  if (isLoopbackOnly && !isLoopback(req.socket.remoteAddress)) return false;
  // Browsers say who asks by Sec-Fetch-Site; older ones by Origin, and only for a POST.
  const site = req.headers["sec-fetch-site"];
  return site === undefined
    ? req.headers.origin === origin
    : site === "same-origin";
}

function isLoopback(address = ""): boolean {
  return /^(::ffff:)?127\.|^::1$/.test(address);
}
