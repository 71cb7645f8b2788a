/** Signs in without asking who is signed in at the provider already, on pages that everybody may see. */
import type { Request, RequestHandler, Response } from "express";
import { ConfigError, LoginKitError } from "../base/errors.js";
import { localPath } from "../base/return-to.js";
import {
  checkedSilentLogin,
  type SilentLoginOptions,
} from "../base/silent-login-options.js";
import { baseUrlOf, browserPath } from "../config/base-url.js";
import { answering, type Handler } from "../http/answer.js";
import { witness } from "../telling/witness.js";
import { isWithin } from "../http/limited.js";
import { isPageRequest } from "../http/navigation.js";
import { noticedElsewhere } from "../http/wrong-host.js";
import type { Parts } from "../parts.js";
import type { PreparedRequest } from "../provider/authorization-request.js";
import type { Provider } from "../provider/provider.js";
import { providerNameFor } from "../sign-in/provider-choice.js";
import { withoutReason } from "../sign-in/silent-sign-in.js";

/** Creates handlers for pages that look different to signed-in users. */
export type SilentLogin = (options?: SilentLoginOptions) => RequestHandler;

/** What it works with. */
type SilentParts = Pick<
  Parts,
  | "config"
  | "knownProviders"
  | "providers"
  | "transactions"
  | "silence"
  | "events"
  | "watched"
  | "expectAnswer"
>;

/**
 * Creates `kit.silentLogin`.
 *
 * The page is for everybody: whatever keeps the question from being asked, it is
 * shown as it is.
 *
 * @param identify sets `req.oidc` where there is a login
 */
export function createSilentLogin(
  parts: SilentParts,
  identify: Handler,
): SilentLogin {
  const { config, silence } = parts;
  return function silentLogin(...given) {
    const { everySeconds, provider } = checkedSilentLogin(given);
    silence.use();
    const ask = asking(provider, parts);
    return answering(parts, async function silently(req, res, next) {
      await identify(req, res, () => undefined);
      if (req.oidc !== undefined || !isSeenPage(req)) {
        next();
        return;
      }
      if (silence.isWaiting(req)) {
        silence.answered(res);
        const address = withoutReason(browserPath(req.originalUrl, config));
        if (address === undefined) next();
        else res.redirect(303, address);
        return;
      }
      // From another host the browser would come back as a stranger.
      const isDue =
        silence.isDue(req, everySeconds) &&
        noticedElsewhere(req, config) === undefined;
      // The page is for everybody, also while a limit allows no sign-in.
      if (isDue && (await isWithin(config.limits.login, req, res))) {
        await ask(req, res, next);
        return;
      }
      silence.prove(req, res);
      next();
    });
  };
}

/** Sends the browser to the provider and back, if that can be done. */
function asking(named: string | undefined, parts: SilentParts): Handler {
  const { config, transactions, silence, events, expectAnswer } = parts;
  return async function ask(req, res, next) {
    const returnTo = localPath(browserPath(req.originalUrl, config));
    if (returnTo === undefined) {
      next();
      return;
    }
    let prepared: { provider: Provider; request: PreparedRequest } | undefined;
    try {
      prepared = await prepareFor(req, named, returnTo, parts);
      if (prepared === undefined) {
        next();
        return;
      }
      await transactions.begin(req, res, prepared.request.transaction);
    } catch (error) {
      if (!isPassing(error)) throw error;
      // Not with every page, while the provider or the store does not answer.
      silence.answered(res);
      events.emit("error", error);
      next();
      return;
    }
    silence.ask(res);
    events.emit("login.started", { returnTo, address: req.ip });
    expectAnswer(req, prepared.provider.config.callbackPath);
    witness()?.leaves(prepared.request.url);
    sendTo(res, prepared.request.url);
  };
}

/** Undefined: nobody says which provider to ask. */
async function prepareFor(
  req: Request,
  named: string | undefined,
  returnTo: string,
  parts: SilentParts,
): Promise<{ provider: Provider; request: PreparedRequest } | undefined> {
  const name = await providerNameFor(req, named, parts);
  if (name === undefined) return undefined;
  const provider = await parts.providers.named(name);
  const request = await provider.prepare({
    baseUrl: baseUrlOf(req, parts.config),
    returnTo,
    acrValues: [],
    otherAcr: [],
    maxAgeSeconds: undefined,
    parameters: {},
    isSilent: true,
  });
  return { provider, request };
}

/** Whether a failure is none of this page's; a mistake of the application is. */
function isPassing(error: unknown): error is LoginKitError {
  return error instanceof LoginKitError && !(error instanceof ConfigError);
}

function sendTo(res: Response, url: URL): void {
  res.set({ "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" });
  res.redirect(303, url.href);
}

/** Whether a user sees the answer as a page, and not in advance, in a frame, or not at all. */
function isSeenPage(req: Request): boolean {
  const destination = req.get("Sec-Fetch-Dest") ?? "document";
  const purpose = ["Sec-Purpose", "Purpose", "X-Moz", "X-Purpose"].some(
    (name) => /prefetch|preview|prerender/i.test(req.get(name) ?? ""),
  );
  return isPageRequest(req) && destination === "document" && !purpose;
}
