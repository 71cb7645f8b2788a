/** What a user does at the bundled provider: sign in, then allow or cancel. */
import express from "express";
import type {
  ErrorRequestHandler,
  NextFunction,
  Request,
  Response,
  Router,
} from "express";
import type { PromptDetail, Provider } from "oidc-provider";
import {
  consentPage,
  providerErrorPage,
  signInPage,
  stepUpPage,
} from "./provider-pages.js";
import type { DemoUser } from "./provider-pages.js";
import { STRONG_ACR } from "./provider-step-up.js";

/** Creates the handlers of `/interaction`, where oidc-provider sends the browser. */
export function createInteractions(
  provider: Provider,
  users: readonly DemoUser[],
): Router {
  const router = express.Router();
  const form = express.urlencoded({ extended: false, limit: "4kb" });

  router.get("/:uid", async function showPrompt(req, res) {
    const { uid, prompt, params, session } = await provider.interactionDetails(
      req,
      res,
    );
    res.set("Cache-Control", "no-store");
    if (isStepUp(prompt)) {
      res.send(stepUpPage(uid, session?.accountId ?? ""));
      return;
    }
    if (prompt.name === "login") {
      const username = textOf(params["login_hint"]);
      res.send(signInPage({ uid, users, username, unknownUser: false }));
      return;
    }
    const client = await provider.Client.find(textOf(params["client_id"]));
    res.send(
      consentPage({
        uid,
        clientName: client?.clientName ?? textOf(params["client_id"]),
        user: session?.accountId ?? "",
        scopes: textOf(params["scope"]).split(" "),
      }),
    );
  });

  router.post("/:uid/login", form, async function signIn(req, res) {
    const { uid } = await provider.interactionDetails(req, res);
    const username = fieldOf(req, "username");
    const user = users.find((candidate) => candidate.sub === username);
    if (user === undefined) {
      res.set("Cache-Control", "no-store").status(400);
      res.send(signInPage({ uid, users, username, unknownUser: true }));
      return;
    }
    await provider.interactionFinished(
      req,
      res,
      { login: { accountId: user.sub } },
      { mergeWithLastSubmission: false },
    );
  });

  router.post("/:uid/step-up", form, async function proveAgain(req, res) {
    const { prompt, session } = await provider.interactionDetails(req, res);
    const result =
      isStepUp(prompt) && session
        ? { login: { accountId: session.accountId, acr: STRONG_ACR } }
        : { error: "access_denied", error_description: "nobody is signed in" };
    await provider.interactionFinished(req, res, result, {
      mergeWithLastSubmission: false,
    });
  });

  router.post("/:uid/consent", form, async function decide(req, res) {
    if (fieldOf(req, "decision") === "allow") {
      const grantId = await grantWhatWasAsked(provider, req, res);
      await provider.interactionFinished(req, res, { consent: { grantId } });
      return;
    }
    await provider.interactionFinished(
      req,
      res,
      { error: "access_denied", error_description: "the user cancelled" },
      { mergeWithLastSubmission: false },
    );
  });

  router.use(interactionError);
  return router;
}

/** Whether the user is known, and all that lacks is the stronger way. */
function isStepUp({ name, reasons }: PromptDetail): boolean {
  return (
    name === "login" &&
    reasons.includes("acr_wanted") &&
    !reasons.includes("no_session")
  );
}

async function grantWhatWasAsked(
  provider: Provider,
  req: Request,
  res: Response,
): Promise<string> {
  const { grantId, prompt, params, session } =
    await provider.interactionDetails(req, res);
  const earlier =
    grantId === undefined ? undefined : await provider.Grant.find(grantId);
  const grant =
    earlier ??
    new provider.Grant({
      accountId: session?.accountId,
      clientId: textOf(params["client_id"]),
    });

  const missing = prompt.details as {
    readonly missingOIDCScope?: string[];
    readonly missingOIDCClaims?: string[];
    readonly missingResourceScopes?: Readonly<Record<string, string[]>>;
  };
  if (missing.missingOIDCScope) grant.addOIDCScope(missing.missingOIDCScope);
  if (missing.missingOIDCClaims) grant.addOIDCClaims(missing.missingOIDCClaims);
  const resources = Object.entries(missing.missingResourceScopes ?? {});
  for (const [resource, scopes] of resources) {
    grant.addResourceScope(resource, scopes);
  }
  return await grant.save();
}

/** The interaction is over, or this browser never had it. */
const interactionError: ErrorRequestHandler = function interactionError(
  error: unknown,
  _req: Request,
  res: Response,
  next: NextFunction,
) {
  if (!(error instanceof Error) || error.name !== "SessionNotFound") {
    next(error);
    return;
  }
  res
    .status(400)
    .send(
      providerErrorPage("invalid_request", "This sign-in is no longer open."),
    );
};

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function fieldOf(req: Request, name: string): string {
  const fields = req.body as Readonly<Record<string, unknown>> | undefined;
  return textOf(fields?.[name]);
}
