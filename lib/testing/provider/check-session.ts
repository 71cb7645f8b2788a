/** The iframe by which pages ask the test provider whether its session has changed. */
import express, { type Router } from "express";

import { browserStateCookie } from "./op-session.js";
import { type ProviderState, parametersOf } from "./state.js";

/** OpenID Connect Session Management 1.0 section 3.2. */
export function checkSessionRoutes(state: ProviderState): Router {
  const router = express.Router();
  router.get("/check-session", (_req, res) => {
    res.send(checkSessionPage(browserStateCookie(state)));
  });
  // What the iframe answered; only for the tests.
  router.post("/check-session/poll", (req, res) => {
    const { client_id: clientId = "", answer = "" } = parametersOf(req);
    state.checkSessionPolls.push({ clientId, answer });
    res.status(204).end();
  });
  return router;
}

function checkSessionPage(cookieName: string): string {
  return `<!doctype html><title>Check session</title>
<script>
  addEventListener("message", async ({ data, origin, source }) => {
    const [clientId, sessionState, more] = String(data).split(" ");
    const answer =
      !sessionState || !sessionState.includes(".") || more !== undefined
        ? "error"
        : (await sessionStateNow(clientId, origin, sessionState.split(".")[1])) === sessionState
          ? "unchanged"
          : "changed";
    const poll = new URLSearchParams({ client_id: clientId, answer });
    await fetch("check-session/poll", { method: "POST", body: poll });
    source.postMessage(answer, origin);
  });

  async function sessionStateNow(clientId, origin, salt) {
    const text = [clientId, origin, browserState(), salt].join(" ");
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    const hex = [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0"));
    return hex.join("") + "." + salt;
  }

  function browserState() {
    const name = ${JSON.stringify(cookieName)} + "=";
    const cookie = document.cookie.split("; ").find((pair) => pair.startsWith(name));
    return cookie === undefined ? "" : cookie.slice(name.length);
  }
</script>`;
}
