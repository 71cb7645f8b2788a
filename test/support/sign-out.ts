/** Signs a browser out, and brings it back from the provider. */
import { refreshTarget } from "./browser-rules.js";
import type { TestBrowser } from "./test-browser.js";

/** The button of a page of the application. */
export function pressLogout(
  browser: TestBrowser,
  url: string,
): Promise<Response> {
  return browser.request(`${url}/logout`, { method: "POST", initiator: url });
}

/** Where the button's answer leads: its page goes on to the provider by itself. */
export function providerAddressIn(answer: Response): URL {
  const target = refreshTarget(answer);
  if (target !== undefined) return target;
  throw new Error(`${String(answer.status)} leads to no provider`);
}

/** The address at which the provider sends the browser back that is sent there like this. */
export function landingOf(location: string): URL {
  const { searchParams } = new URL(location);
  const landing = new URL(searchParams.get("post_logout_redirect_uri") ?? "");
  landing.searchParams.set("state", searchParams.get("state") ?? "");
  return landing;
}

/** Presses the button, and opens the landing as the provider would have it; the button's answer. */
export async function signOutAndComeBack(
  browser: TestBrowser,
  url: string,
): Promise<Response> {
  const answer = await pressLogout(browser, url);
  await browser.request(landingOf(providerAddressIn(answer).href));
  return answer;
}
