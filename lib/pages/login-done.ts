/** Where a sign-in in a window of its own ends: it tells the pages of this application, and closes the window. */
import type { Handler } from "../http/answer.js";
import { requireMethod } from "../http/method.js";
import { sendPage } from "../http/page.js";
import type { Parts } from "../parts.js";

// It tells nothing but that something may have changed: pages ask /session. Not
// by `opener`, which the policies of provider and application cut off
// (Cross-Origin-Opener-Policy). The name is that of browser/expiring.ts.
const SCRIPT = `new BroadcastChannel("login-kit").postMessage("changed");
close();`;

/** Creates `GET /login/done`: it needs no login, and says nothing about one. */
export function createLoginDone({ config }: Pick<Parts, "config">): Handler {
  return function loginDone(req, res) {
    requireMethod(req, "GET");
    res.set({ "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" });
    sendPage(res, config, (say) => ({
      title: say("login-done.title"),
      content: `<p>${say("login-done.text")}</p>`,
      script: SCRIPT,
    }));
  };
}
