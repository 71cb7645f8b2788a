/** The application's security headers, with a strict Content Security Policy. */
import type { RequestHandler } from "express";
import helmet from "helmet";

/** Creates the middleware; nothing inline runs, and nothing is loaded from elsewhere. */
export function securityHeaders(
  providers: readonly { readonly issuer: string }[],
): RequestHandler {
  const origins = providers.map(({ issuer }) => new URL(issuer).origin);
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        // POST /logout is answered with a redirect to the provider, and
        // Chromium applies form-action to redirects as well.
        formAction: ["'self'", ...origins],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
    },
    // With helmet's default, no-referrer, browsers send `Origin: null` with
    // forms; older ones then cannot prove that a sign-out is ours.
    referrerPolicy: { policy: "same-origin" },
  });
}
