/** The conformance suite's plan for logins that a third party initiates. */
import { expect, test } from "@jest/globals";

import {
  expectSignedIn,
  inModuleWorld,
  USUAL_VARIANT,
} from "../support/module-world.js";

test("oidcc-client-test-3rd-party-init-login: CORE-33: a visit of initiate_login_uri with iss is sent to the provider, and the login completes", () =>
  inModuleWorld(USUAL_VARIANT, async (world) => {
    const address = new URL("/initiate-login", world.url);
    address.searchParams.set("iss", world.provider.issuer);
    address.searchParams.set("target_link_uri", `${world.url}/me`);
    expect(world.calls()).toEqual([]);
    const page = await world.browser.navigate(address.href, {
      initiator: "https://another-site.example/",
    });
    expectSignedIn(world, page);
  }));
