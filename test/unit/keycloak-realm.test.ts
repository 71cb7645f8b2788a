/** Whether Keycloak, as docker-compose.yml starts it, knows the demo as docker-compose.yml starts it. */
import { readFileSync } from "node:fs";

import { describe, expect, test } from "@jest/globals";

interface Realm {
  readonly realm: string;
  readonly clients: readonly [
    {
      readonly clientId: string;
      readonly secret: string;
      readonly redirectUris: readonly string[];
      readonly attributes: Readonly<Record<string, string>>;
      readonly defaultClientScopes: readonly string[];
      readonly optionalClientScopes: readonly string[];
    },
  ];
  readonly users: readonly {
    readonly username: string;
    readonly realmRoles?: readonly string[];
  }[];
}

const realm = JSON.parse(
  readFileSync("demo-app/keycloak/realm.json", "utf8"),
) as Realm;
const compose = readFileSync("docker-compose.yml", "utf8");
const [client] = realm.clients;

/** The demo's environment variable, as docker-compose.yml has it. */
function setting(name: string): string {
  const value = new RegExp(`^ +${name}: (.+)$`, "m").exec(compose)?.[1];
  if (value === undefined) throw new Error(`no ${name} in docker-compose.yml`);
  return value;
}

describe("the client of the realm", () => {
  test("is the demo's, with its secret and its issuer", () => {
    expect(setting("OIDC_CLIENT_ID")).toBe(client.clientId);
    expect(setting("OIDC_CLIENT_SECRET")).toBe(client.secret);
    expect(setting("OIDC_ISSUER")).toBe(
      `${setting("KC_HOSTNAME")}/realms/${realm.realm}`,
    );
  });

  test("has the addresses of the kit's endpoints", () => {
    const baseUrl = setting("BASE_URL");
    expect(client.redirectUris).toEqual([`${baseUrl}/callback`]);
    expect(client.attributes).toMatchObject({
      "post.logout.redirect.uris": `${baseUrl}/logged-out`,
      "backchannel.logout.url": `${baseUrl}/backchannel-logout`,
      "backchannel.logout.session.required": "true",
    });
  });

  test("may ask for the demo's scope, and for offline_access", () => {
    const asked = setting("OIDC_SCOPE").split(" ").slice(1);
    const allowed = [
      ...client.defaultClientScopes,
      ...client.optionalClientScopes,
    ];
    expect(allowed).toEqual(expect.arrayContaining(asked));
    expect(allowed).toContain("offline_access");
  });
});

test("every user of the realm has its default role, which offline tokens need", () => {
  const withoutRole = realm.users.filter(
    ({ realmRoles }) => realmRoles?.includes("default-roles-demo") !== true,
  );
  expect(withoutRole).toEqual([]);
});

test("the health check waits for Keycloak's first boot, 212 s on two busy cores", () => {
  const seconds = Number(/start_period: (\d{3})s/.exec(compose)?.[1]);
  expect(seconds).toBeGreaterThan(212);
});
