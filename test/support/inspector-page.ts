/** Serves the inspector's page over runs that a test gives, as the inspector itself does. */
import express from "express";

import { assets, page } from "../../lib/inspector/assets.js";
import type { Held, Run } from "../../lib/inspector/model.js";
import { MESSAGES, PARTIES, STEPS } from "../../lib/telling/messages.js";
import { listening } from "../../lib/testing/listening.js";

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/** The path at which it is mounted. */
export const MOUNT = "/dev/__login";

const HELD: Held = {
  browser: [
    {
      cookie: "kit.sid",
      what: "The session: a random id, signed. It says nothing by itself.",
      value: { length: 86, fingerprint: "0badcafe" },
    },
  ],
  store: {
    name: "Redis",
    keys: [
      {
        key: "kit:login:[43 characters, 5eed5eed]",
        what: "The login, with its tokens.",
        secondsLeft: 28_700,
        fields: [
          {
            name: "tokens",
            what: "the token set",
            bytes: 2144,
            isSealed: true,
          },
          {
            name: "seen",
            what: "when it was used",
            bytes: 10,
            isSealed: false,
          },
        ],
      },
    ],
  },
};

/** What the provider of the playground supports, unless a test says otherwise. */
export const OFFER = {
  provider: {
    issuer: "https://auth.example.com",
    authorizationEndpoint: "https://auth.example.com/authorize",
  },
  providers: [] as string[],
  defaults: { scope: "openid profile", response_mode: "query" },
  supported: {
    scopes: ["openid", "profile", "email", "offline_access"],
    prompts: ["none", "login", "consent"],
    acrValues: ["urn:example:silver", "urn:example:gold"],
    uiLocales: [] as string[],
    responseModes: ["query", "form_post"],
    claims: ["name", "email", "acr"],
    claimsParameter: true,
    resources: [] as string[],
    pushedRequests: "offered",
  },
};

/** The server with what a test can do. */
export interface InspectorPage {
  readonly url: string;
  readonly close: () => Promise<void>;
  /** What there is; `tell` sends a change of one of them, or a new one. */
  runs: Run[];
  readonly tell: (run: Run) => void;
  /** Cuts the live connections, and answers none until `comeBack()`. */
  readonly goAway: () => void;
  readonly comeBack: () => void;
  /** How many live connections there are. */
  readonly listening: () => number;
  /** How often it was asked for what is held. */
  heldAsked: number;
  offer: typeof OFFER;
  /** Requests of the playground, as they were sent. */
  readonly tried: unknown[];
  /** What stands in the body of the application's own page, at `/`. */
  body: string;
  /** How often it was asked for the names: once for each element that starts. */
  namesAsked: number;
  /** Problems that the next previews have. */
  problems: string[];
}

/** Starts one; close it in the end. */
export async function inspectorPage(runs: Run[] = []): Promise<InspectorPage> {
  const server = await listening();
  const listeners = new Set<express.Response>();
  let isAway = false;
  const served: InspectorPage = {
    url: `${server.url}${MOUNT}/`,
    close: server.close,
    runs,
    tell(run) {
      const index = served.runs.findIndex(({ id }) => id === run.id);
      if (index === -1) served.runs.push(run);
      else served.runs[index] = run;
      send(listeners, "run", run);
    },
    goAway() {
      isAway = true;
      for (const res of listeners) res.destroy();
    },
    comeBack() {
      isAway = false;
    },
    listening: () => listeners.size,
    heldAsked: 0,
    offer: OFFER,
    tried: [],
    body: "The application",
    namesAsked: 0,
    problems: [],
  };
  const app = express();
  app.use((_req, res, next) => {
    if (isAway) res.status(503).end();
    else next();
  });
  app.use(MOUNT, routesOf(served, listeners));
  app.get("/", (_req, res) => {
    const head = `<title>Application</title><link rel="icon" href="${MOUNT}/icon.svg"><script type="module" src="${MOUNT}/sequence.js"></script>`;
    res.set("Content-Security-Policy", POLICY);
    res.send(`<!doctype html><html lang="en">${head}<body>${served.body}`);
  });
  server.serve(app);
  return served;
}

function routesOf(
  served: InspectorPage,
  listeners: Set<express.Response>,
): express.Router {
  const router = express.Router();
  for (const [path, { type, body }] of [["/", page()] as const, ...assets()]) {
    router.get(path, (_req, res) => {
      res.set("Content-Security-Policy", POLICY).type(type).send(body);
    });
  }
  router.get("/names", (_req, res) => {
    served.namesAsked += 1;
    res.json({ messages: MESSAGES, parties: PARTIES, steps: STEPS });
  });
  router.get("/runs", (_req, res) => {
    res.json({ runs: served.runs });
  });
  router.get("/runs/:id", (req, res) => {
    const [id, kind] = req.params.id.split(".", 2);
    const run = served.runs.find((one) => one.id === id);
    if (kind === "mmd")
      res.type("text").send(`sequenceDiagram\n%% ${id ?? ""}`);
    else res.json(run);
  });
  router.post("/clear", (_req, res) => {
    served.runs = [];
    send(listeners, "cleared", {});
    res.status(204).end();
  });
  router.get("/live", (_req, res) => {
    res.set({ "Content-Type": "text/event-stream" });
    // The browser asks again so soon after the connection is lost.
    res.write("retry: 50\n\n");
    listeners.add(res);
    res.once("close", () => listeners.delete(res));
  });
  router.get("/held", (_req, res) => {
    served.heldAsked += 1;
    res.json(HELD);
  });
  addPlayground(router, served);
  return router;
}

function addPlayground(router: express.Router, served: InspectorPage): void {
  router.get("/playground", ({ query: { provider } }, res) => {
    const isOther =
      provider !== undefined && provider === served.offer.providers[1];
    const issuer = isOther
      ? "https://other.example"
      : served.offer.provider.issuer;
    const { offer } = served;
    res.json({ ...offer, provider: { ...offer.provider, issuer } });
  });
  router.post("/playground/preview", express.json(), (req, res) => {
    served.tried.push(req.body);
    if (served.problems.length > 0) {
      res.status(400).json({ problems: served.problems });
      return;
    }
    const { parameters } = req.body as {
      readonly parameters: Record<string, string>;
    };
    const query = new URLSearchParams({
      response_type: "code",
      ...parameters,
      state: "example-of-a-state",
    });
    res.json({
      url: `https://auth.example.com/authorize?${query.toString()}`,
      fields: [...query].map(([name, value]) => ({
        ...{ name, value, in: "query" },
        text: `What ${name} is for.`,
        specification: "OpenID Connect Core 3.1.2.1",
      })),
      notes: [
        "state, nonce and code_challenge are examples: each login gets its own.",
      ],
    });
  });
  router.post(
    "/playground/run",
    express.urlencoded({ extended: false }),
    (req, res) => {
      const { request } = req.body as { readonly request: string };
      served.tried.push(JSON.parse(request));
      res.redirect(303, `${MOUNT}/#latest`);
    },
  );
}

function send(
  listeners: ReadonlySet<express.Response>,
  event: string,
  data: unknown,
): void {
  for (const res of listeners) {
    res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }
}
