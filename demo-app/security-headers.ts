/** The application's security headers, with a strict Content Security Policy. */
import type { RequestHandler } from "express";
import helmet from "helmet";

/** Creates the middleware; nothing inline runs, and nothing is loaded from elsewhere. */
export function securityHeaders(): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
    },
    // With helmet's default, no-referrer, browsers send `Origin: null` with
    // forms; older ones then cannot prove that a sign-out is ours.
    referrerPolicy: { policy: "same-origin" },
  });
}
