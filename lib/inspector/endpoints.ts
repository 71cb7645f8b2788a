/** The inspector's own addresses. */
import express, {
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from "express";
import * as z from "zod";
import { checked, membersOf } from "../base/checked.js";
import { ConfigError } from "../base/errors.js";
import { answerError } from "../http/answer.js";
import { isPageRequest } from "../http/navigation.js";
import type { Parts } from "../parts.js";
import { MESSAGES, PARTIES, STEPS } from "../telling/messages.js";
import { refuseOthers } from "./access.js";
import { assets, page, type Asset } from "./assets.js";
import { heldFor } from "./held.js";
import { mermaidOf } from "./mermaid.js";
import { createPlayground, type TriedRequest } from "./playground.js";
import type { Recorder } from "./recorder.js";
import type { GrowingRun } from "./run.js";
import type { Viewer } from "./viewers.js";

/** How often something is sent, so that the connection stays. */
const BEAT_EVERY_MS = 25_000;

/** Creates the endpoints. */
export function createEndpoints(
  parts: Parts,
  recorder: Recorder,
  isRemoteAllowed: boolean,
): Router {
  const { config } = parts;
  const { viewers } = recorder;
  const router = express.Router();
  router.use((req, res, next) => {
    res.set({
      "Cache-Control": "no-store",
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
    });
    // Not a frame: a foreign page could have many, and browsers keep no cookie there.
    const { "sec-fetch-dest": shownAs = "document" } = req.headers;
    const isPage =
      req.path === "/" && isPageRequest(req) && shownAs === "document";
    refuseOthers(req, config, { isRemoteAllowed, isPage });
    viewers.welcome(req);
    next();
  });
  /** Who looks from now on. */
  const look: RequestHandler = (req, res, next) => {
    if (viewers.of(req) === undefined) {
      res.cookie(viewers.cookieName, viewers.newCookie(), {
        httpOnly: true,
        sameSite: "lax",
        secure: config.secureCookies,
      });
    }
    next();
  };
  router.get("/", look, (req, res) => {
    const [path = ""] = req.originalUrl.split("?", 1);
    if (path.endsWith("/")) sendAsset(res, page());
    else res.redirect(303, `${req.baseUrl}/`);
  });
  for (const [path, asset] of assets()) {
    router.get(path, look, (_req, res) => {
      sendAsset(res, asset);
    });
  }
  addRuns(router, recorder, look);
  addPlayground(router, parts, recorder);
  router.get(
    "/held",
    answered(async (req, res) => {
      res.json(await heldFor(req, parts, recorder.hide));
    }),
  );
  router.use(
    (error: unknown, req: Request, res: Response, next: NextFunction) => {
      if (error instanceof ConfigError) {
        // While one types, that is no failure: Chromium would print it as one.
        res.status(req.path === "/playground/preview" ? 200 : 400);
        res.json({ problems: error.problems });
      } else answerError(parts, error, req, res, next);
    },
  );
  return router;
}

function addRuns(
  router: Router,
  recorder: Recorder,
  look: RequestHandler,
): void {
  const viewerOf = (req: Request): Viewer | undefined =>
    recorder.viewers.of(req)?.viewer;
  router.get("/names", (_req, res) => {
    res.json({ messages: MESSAGES, parties: PARTIES, steps: STEPS });
  });
  router.get("/runs", look, (req, res) => {
    const runs = viewerOf(req)?.runs ?? [];
    res.json({ runs: runs.map((run) => run.toRun()) });
  });
  router.get("/runs/:id", (req, res) => {
    const [id, kind] = req.params.id.split(".", 2);
    const run = viewerOf(req)?.runs.find((one) => one.id === id);
    if (run === undefined) {
      res.status(404).json({ error: "there is no such run any more" });
    } else if (kind === "mmd") {
      res.type("text/plain").send(mermaidOf(run.toRun()));
    } else {
      res.attachment(`${run.id}.json`);
      res.json(run.toRun());
    }
  });
  router.post("/clear", (req, res) => {
    const viewer = viewerOf(req);
    if (viewer !== undefined) recorder.clear(viewer);
    res.status(204).end();
  });
  router.get("/live", (req, res) => {
    const viewer = viewerOf(req);
    if (viewer === undefined) {
      res.status(403).json({ error: "open the inspector first" });
    } else {
      sendLive(res, viewer);
      recorder.endsInTime(res);
    }
  });
}

function addPlayground(
  router: Router,
  parts: Parts,
  { fields }: Recorder,
): void {
  const playground = createPlayground(parts, fields);
  router.get(
    "/playground",
    answered(async ({ query: { provider } }, res) => {
      const name = typeof provider === "string" ? provider : undefined;
      res.json(await playground.offer(name));
    }),
  );
  router.post(
    "/playground/preview",
    express.json(),
    answered(async (req, res) => {
      res.json(await playground.preview(req, triedRequest(req.body)));
    }),
  );
  router.post(
    "/playground/run",
    express.urlencoded({ extended: false }),
    answered(async (req, res) => {
      // Express 5 leaves it undefined where the body is of another type.
      const form = (req.body ?? {}) as { readonly request?: unknown };
      const tried = triedRequest(parsed(form.request));
      await playground.send(req, res, tried, `${req.baseUrl}/`);
    }),
  );
}

/** Express 4 waits for no promise. */
function answered(
  work: (req: Request, res: Response) => Promise<void>,
): RequestHandler {
  return (req, res, next) => {
    work(req, res).catch(next);
  };
}

function sendAsset(res: Response, { type, body }: Asset): void {
  res.set({
    "Content-Security-Policy":
      "default-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self' http: https:; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
  });
  res.type(type).send(body);
}

/** Every change of a run, as it happens. */
function sendLive(res: Response, { listeners }: Viewer): void {
  res.set({
    "Cache-Control": "no-store, no-transform",
    "Content-Type": "text/event-stream",
    "X-Accel-Buffering": "no",
  });
  res.write(": listening\n\n");
  const tell = (run: GrowingRun | undefined): void => {
    if (res.writableEnded) return;
    res.write(
      run === undefined
        ? "event: cleared\ndata: {}\n\n"
        : `event: run\ndata: ${JSON.stringify(run.toRun())}\n\n`,
    );
  };
  const beat = setInterval(() => {
    if (!res.writableEnded) res.write(":\n\n");
  }, BEAT_EVERY_MS);
  // An open page must not keep the process from ending.
  beat.unref();
  listeners.add(tell);
  res.once("close", () => {
    clearInterval(beat);
    listeners.delete(tell);
  });
}

const TRIED = membersOf({
  provider: z.string("must be a text").exactOptional(),
  parameters: z.record(z.string(), z.string("must be a text").max(2048)),
  pushed: z.boolean("must be true or false").exactOptional(),
});

function triedRequest(value: unknown): TriedRequest {
  return checked("playground", "request", TRIED, value);
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text)) as unknown;
  } catch {
    return undefined;
  }
}
