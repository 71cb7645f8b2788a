/** What tests of the back-channel logout share: a world where alice has signed in, and a token that ends her login. */
import { expect } from "@jest/globals";

import { releaseClock } from "./clock.js";
import {
  type LogoutWorld,
  logoutWorld,
  type LogoutWorldOptions,
} from "./logout-world.js";
import type { LogoutTokenOptions } from "./lying-provider.js";

/** Accepted difference between the clocks, by default. Seconds. */
export const TOLERANCE = 30;

/** The world of the test that runs. */
export let w: LogoutWorld;
let isOpen = false;

/** Builds it; `endWorld` in `afterEach`. */
export async function startWorld(
  options?: LogoutWorldOptions,
): Promise<LogoutWorld> {
  w = await logoutWorld(options);
  isOpen = true;
  return w;
}

/** Ends it where it has not ended yet, and gives the clock back. */
export async function endWorld(): Promise<void> {
  releaseClock();
  if (!isOpen) return;
  isOpen = false;
  await w.close();
}

/** A world where alice has signed in. */
export async function withAlice(
  options: LogoutWorldOptions = {},
): Promise<LogoutWorld> {
  return await startWorld({ ...options, signedInAs: "alice" });
}

export const fromNow = (seconds: number): number =>
  Math.floor(Date.now() / 1000) + seconds;

/** Whom a token names that is to end alice's login. */
export const alice = () => ({ sub: "alice", sid: w.provider.sidOf("alice") });

/** A right token for alice's login, less what is changed. */
export const tokenOf = (change: LogoutTokenOptions = {}): string =>
  w.provider.logoutToken({ ...alice(), ...change });

export async function expectAccepted(answer: Response): Promise<void> {
  expect(await answer.text()).toBe("");
  expect(answer.status).toBe(200);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(await w.isSignedIn()).toBe(false);
}

/** Refused as the specification wants it, and alice is still signed in. */
export async function expectRefused(
  answer: Response,
  reason = /./,
): Promise<void> {
  await expectInvalidRequest(answer, reason);
  expect(await w.isSignedIn()).toBe(true);
  expect(w.app.ended).toEqual([]);
}

export async function expectInvalidRequest(
  answer: Response,
  reason = /./,
): Promise<void> {
  const body = await answer.text();
  expect(body).toMatch(/^\{/);
  expect(JSON.parse(body)).toMatchObject({
    error: "invalid_request",
    error_description: expect.stringMatching(reason),
    code: "ERR_LOGOUT_TOKEN_INVALID",
  });
  expect(answer.status).toBe(400);
  expect(answer.headers.get("content-type")).toMatch(
    /^application\/(?:problem\+)?json/,
  );
  expect(answer.headers.get("cache-control")).toBe("no-store");
}

/** Posts anything to the endpoint. */
export const send = (init: RequestInit, query = ""): Promise<Response> =>
  fetch(`${w.app.url}/backchannel-logout${query}`, {
    method: "POST",
    redirect: "manual",
    ...init,
  });

export const FORM = { "content-type": "application/x-www-form-urlencoded" };
