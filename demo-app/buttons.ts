/** What the demo's buttons do on the server: to the clock, the provider, a second browser, the application itself. */
import express from "express";
import type { Request, Router } from "express";
import { loginOf } from "express-login-kit";
import type { LoginKit } from "express-login-kit";
import { VIEWER_COOKIE } from "express-login-kit/inspector";
import { advance } from "express-login-kit/testing";
import { SLOW_MS } from "./bundled-provider.js";
import type { BundledProvider, ProviderPace } from "./bundled-provider.js";
import { SECOND_BROWSER } from "./second-browser.js";
import type { Cookies, SecondBrowser } from "./second-browser.js";

/** What the buttons act on; undefined: this demo has none. */
export interface Levers {
  readonly provider: BundledProvider | undefined;
  readonly secondBrowser: SecondBrowser | undefined;
  /** Starts the application anew while Redis is stalled. */
  readonly restart: (() => Promise<void>) | undefined;
}

/** A bundled access token lives 60 seconds; a minute later it is over. */
const CLOCK_STEP_SECONDS = 61;

const PACES: Readonly<Record<ProviderPace, string>> = {
  up: "The Auth Server answers again.",
  slow: `The Auth Server takes ${SLOW_MS / 1000} seconds for each answer.`,
  down: "The Auth Server breaks off every connection.",
};

/** Creates the routes. Mount them behind `onlyOurPages`. */
export function buttons(
  kit: LoginKit,
  { provider, secondBrowser, restart }: Levers,
): Router {
  const router = express.Router();

  // So that the page's countdown follows the demo's clock.
  router.get("/now", (_req, res) => {
    res.json({ now: Date.now(), refreshes: provider?.refreshes() });
  });

  if (provider !== undefined) {
    router.post("/clock", (_req, res) => {
      advance(CLOCK_STEP_SECONDS);
      res.json({ told: "The demo's clock is a minute ahead." });
    });
    router.post("/provider/keys", async (_req, res) => {
      const kid = await provider.rotateKeys();
      res.json({
        told: `The Auth Server signs with the new key ${kid.slice(0, 8)}….`,
      });
    });
    router.post("/provider/:pace", (req, res, next) => {
      const { pace } = req.params;
      if (!isPace(pace)) {
        next();
        return;
      }
      provider.setPace(pace);
      res.json({ told: PACES[pace] });
    });
  }

  if (secondBrowser !== undefined) {
    router.post("/second-browser", kit.requireAuth(), async (req, res) => {
      const { claims } = loginOf(req);
      await secondBrowser.signIn(claims.sub, cookiesOfSecond(req));
      res.json({ told: `A second browser is signed in as ${claims.sub}.` });
    });
    router.post("/second-browser/end", kit.requireAuth(), async (req, res) => {
      const { provider: name, claims } = loginOf(req);
      const user = { provider: name, sub: claims.sub };
      const logins = await kit.sessions.list(user);
      const seconds = logins.filter((l) => l.userAgent === SECOND_BROWSER);
      for (const { id } of seconds) await kit.sessions.end(user, id);
      if (seconds.length > 0) await secondBrowser.ended();
      res.json({ ended: seconds.length });
    });
  }

  if (restart !== undefined) {
    router.post("/restart", (_req, res) => {
      // The answer first: the restart ends what is still open.
      res.on("finish", () => void restart());
      res.status(202).json({ told: "The application starts anew." });
    });
  }
  return router;
}

function isPace(text: string | undefined): text is ProviderPace {
  return text !== undefined && Object.hasOwn(PACES, text);
}

/** The inspector knows this browser by its cookie, and another one of the same person by a number behind it. */
function cookiesOfSecond({ headers }: Request): Cookies {
  const pairs = (headers.cookie ?? "").split("; ");
  // Over https its name has the prefix __Host-.
  const [name = "", viewer] =
    pairs
      .map((pair) => pair.split("="))
      .find(([one = ""]) => one.endsWith(VIEWER_COOKIE)) ?? [];
  return viewer === undefined ? {} : { [name]: `${viewer}.2` };
}
