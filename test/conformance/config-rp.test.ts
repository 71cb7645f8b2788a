/** The conformance suite's plan Config RP: what is found at the issuer, and new keys. */
import { randomUUID } from "node:crypto";

import { expect, test } from "@jest/globals";

import {
  expectSignedIn,
  expectStopped,
  inModuleWorld,
  USUAL_VARIANT,
} from "../support/module-world.js";
import { publishedKeys } from "../../lib/testing/provider/keys.js";
import { SIGNATURE_NONE } from "./login-modules.js";

const METADATA = "GET /.well-known/openid-configuration";

test("oidcc-client-test-discovery-openid-config, Config RP: DISC-01: the metadata is found below an issuer with a path and a slash", () =>
  inModuleWorld(USUAL_VARIANT, async (world) => {
    const page = await world.login();
    expect(world.provider.requests[0]).toBe(METADATA);
    expectSignedIn(world, page);
  }));

test("oidcc-client-test-discovery-jwks-uri-keys, Config RP: CORE-22: the keys are fetched from where the metadata says, before UserInfo", () =>
  inModuleWorld(USUAL_VARIANT, async (world) => {
    const path = `/jwks-${randomUUID()}`;
    world.lie({
      metadata: (right) => ({
        ...right,
        jwks_uri: `${world.provider.issuer}${path.slice(1)}`,
      }),
      intercept(req, res, next) {
        if (req.path === "/jwks") {
          res.status(404).end();
          return;
        }
        if (req.path === path) req.url = "/jwks";
        next();
      },
    });
    const page = await world.login();
    expect(world.provider.requests).toEqual([
      METADATA,
      "GET /authorize",
      "POST /token",
      `GET ${path}`,
      "GET /userinfo",
    ]);
    expectSignedIn(world, page);
  }));

test("oidcc-client-test-discovery-issuer-mismatch, Config RP: DISC-02: metadata of another issuer ends the login before the authorization request", () =>
  inModuleWorld(USUAL_VARIANT, async (world) => {
    world.lie({
      metadata: (right) => ({
        ...right,
        issuer: `${String(right["issuer"])}INVALID`,
      }),
    });
    const page = await world.login();
    expect(page.body).toContain("ERR_DISCOVERY_INVALID");
    expect(page.response.status).toBe(503);
    await expectStopped(world, []);
    expect(world.provider.requests).toEqual([METADATA]);
  }));

test(`${SIGNATURE_NONE.name}, Config RP: ${SIGNATURE_NONE.rule}`, () =>
  SIGNATURE_NONE.run(USUAL_VARIANT));

test("oidcc-client-test-signing-key-rotation-just-before-signing, Config RP: CORE-45: keys that are new since the metadata was read are found", () =>
  inModuleWorld(USUAL_VARIANT, async (world) => {
    // Made beforehand: on a busy machine it takes longer than the kit waits.
    const newKeys = await publishedKeys(1);
    world.lie({
      async intercept(req, _res, next) {
        if (req.path === "/token") await world.provider.rotateKeys();
        next();
      },
    });
    expectSignedIn(world, await world.login());
    expect(world.provider.keys).toBe(newKeys);
  }));

test("oidcc-client-test-signing-key-rotation, Config RP: CORE-45: new keys between two logins are fetched at once, however young the old ones are", () =>
  inModuleWorld(USUAL_VARIANT, async (world) => {
    expectSignedIn(world, await world.login());
    expect(world.provider.jwksFetches()).toBe(1);
    world.lie({
      async intercept(req, _res, next) {
        if (req.path === "/authorize") await world.provider.rotateKeys();
        next();
      },
    });
    const page = await world.login();
    expect(page.url).toBe(`${world.url}/me`);
    expect(world.provider.jwksFetches()).toBe(2);
    const login = ["GET /authorize", "POST /token", "GET /userinfo"];
    expect(world.calls()).toEqual([...login, ...login]);
  }));
