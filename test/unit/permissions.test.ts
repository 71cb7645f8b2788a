/** Rules about claims, roles and scope, against logins that have them or not. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { createLoginKit } from "../../lib/index.js";
import type { ClaimRule, RolesClaim } from "../../lib/index.js";
import { checkedRule } from "../../lib/logins/auth-rule.js";
import type { LiveLogin } from "../../lib/logins/current-login.js";
import { lackOf } from "../../lib/logins/lacking.js";
import { readProvider } from "../support/read-options.js";

const NOW = 1_800_000_000_000;

function loginWith(
  claims: Record<string, unknown>,
  rolesClaim: RolesClaim = "roles",
  scope?: { readonly scope?: string; readonly refusedScope?: string },
): LiveLogin {
  const provider = readProvider({ rolesClaim });
  return {
    id: "login",
    provider,
    expiresAt: NOW + 1000,
    browserPart: () => undefined,
    record: {
      identity: {
        provider: provider.name,
        claims: { iss: provider.issuer, sub: "alice", ...claims },
        providerSessionId: undefined,
        authenticatedAt: NOW,
        acr: undefined,
        sessionState: undefined,
      },
      createdAt: NOW,
      endsAt: NOW + 1000,
      seenAt: NOW,
      device: undefined,
      ...scope,
    },
  };
}

const passes = (login: LiveLogin, rule: unknown): boolean =>
  lackOf(login, checkedRule([rule]), NOW) === undefined;

const NESTED = { org: { unit: { name: "sales", tags: ["a", 1] } } };

describe("a rule about claims, with each kind of claim", () => {
  // Rule, claim that passes, claims that do not; undefined: there is none.
  test.each<[string, ClaimRule, unknown, unknown[]]>([
    [
      "a text",
      "sales",
      "sales",
      [undefined, null, "Sales", "sales ", ["sales"], { sales: true }, 0, true],
    ],
    ["a number", 7, 7, [undefined, null, "7", [7], 7.5, true]],
    ["true", true, true, [undefined, null, "true", 1, [true], {}]],
    ["false", false, false, [undefined, null, "", 0, "false", []]],
    [
      "a list that includes",
      { includes: "admins" },
      ["users", "admins"],
      [
        undefined,
        null,
        "admins",
        "super-admins of all",
        ["super-admins"],
        [["admins"]],
        { admins: true },
        { includes: "admins" },
        [],
      ],
    ],
    [
      "one of several",
      { oneOf: ["sales", 7] },
      7,
      [undefined, null, "7", ["sales"], "support", { oneOf: ["sales"] }],
    ],
    [
      "a member of an object",
      { unit: { name: "sales" } },
      { unit: { name: "sales" }, other: 1 },
      [
        undefined,
        null,
        "sales",
        { unit: "sales" },
        { unit: { name: ["sales"] } },
        { "unit.name": "sales" },
        [{ unit: { name: "sales" } }],
        [],
      ],
    ],
    [
      "a list in an object",
      { tags: { includes: 1 } },
      { tags: ["a", 1] },
      [undefined, { tags: "1" }, { tags: 1 }, { tags: ["1"] }, ["tags", 1]],
    ],
  ])("%s", (_kind, rule, right, wrong) => {
    expect(passes(loginWith({ c: right }), { claims: { c: rule } })).toBe(true);
    for (const claim of wrong) {
      const login = loginWith(claim === undefined ? {} : { c: claim });
      expect([claim, passes(login, { claims: { c: rule } })]).toEqual([
        claim,
        false,
      ]);
    }
  });

  test.each(["__proto__", "constructor", "toString", "hasOwnProperty"])(
    "what every object has is no claim: %s",
    (name) => {
      const rule = JSON.parse(`{"${name}": {"name": "Object"}}`) as object;
      expect(passes(loginWith({}), { claims: rule })).toBe(false);
    },
  );

  test("all that are named count, and what is missing is told by name alone", () => {
    const rule = checkedRule([
      { claims: { a: 1, b: "secret value", org: { unit: "x" } }, roles: ["r"] },
    ]);
    const lack = lackOf(loginWith({ a: 1, ...NESTED }), rule, NOW);
    expect(JSON.stringify(lack)).not.toMatch(/secret value|sales/);
    expect(lack).toMatchObject({
      code: "ERR_PERMISSION_MISSING",
      missing: { claims: ["b", "org"], roles: ["r"] },
    });
  });

  test("what the application does to its rule afterwards changes nothing", () => {
    const claims: Record<string, ClaimRule> = { groups: { includes: "a" } };
    const roles = ["admin"];
    const rule = checkedRule([{ claims, roles }]);
    claims["groups"] = { includes: "b" };
    roles.push("everybody");
    const login = loginWith({ groups: ["b"], roles: ["everybody"] });
    expect(lackOf(login, rule, NOW)?.missing).toEqual({
      claims: ["groups"],
      roles: ["admin"],
    });
  });
});

describe("roles", () => {
  test.each<[string, RolesClaim, Record<string, unknown>, boolean]>([
    ["a list", "roles", { roles: ["user", "admin"] }, true],
    ["one text", "roles", { roles: "admin" }, true],
    ["a text with more in it", "roles", { roles: "user admin" }, false],
    ["none", "roles", {}, false],
    ["an empty list", "roles", { roles: [] }, false],
    ["numbers and lists", "roles", { roles: [1, ["admin"]] }, false],
    ["an object", "roles", { roles: { admin: true } }, false],
    [
      "a list further in",
      ["realm_access", "roles"],
      { realm_access: { roles: ["admin"] } },
      true,
    ],
    ["a way that ends", ["realm_access", "roles"], { realm_access: 1 }, false],
    [
      "a name with dots and slashes",
      "https://shop.example/roles",
      { "https://shop.example/roles": ["admin"] },
      true,
    ],
    ["a name that is no way", "a.b", { a: { b: ["admin"] } }, false],
    [
      "a function",
      ({ grants }) => Object.keys(grants ?? {}),
      { grants: { admin: {} } },
      true,
    ],
    [
      "a function that finds nothing",
      () => undefined as unknown as string[],
      {},
      false,
    ],
  ])("in %s", (_where, rolesClaim, claims, isAllowed) => {
    const login = loginWith(claims, rolesClaim);
    expect(passes(login, { roles: ["owner", "admin"] })).toBe(isAllowed);
  });
});

describe("scope", () => {
  test.each([
    ["granted", { scope: "openid orders:write" }, undefined],
    ["not asked for", { scope: "openid" }, "ERR_MORE_SCOPE_REQUIRED"],
    ["of a login that does not say", {}, "ERR_MORE_SCOPE_REQUIRED"],
    [
      "asked for and not granted",
      { scope: "openid", refusedScope: "orders:write" },
      "ERR_PERMISSION_MISSING",
    ],
    [
      "granted under a longer name",
      { scope: "openid orders:write:all" },
      "ERR_MORE_SCOPE_REQUIRED",
    ],
  ])("%s", (_what, scope, code) => {
    const login = loginWith({}, "roles", scope);
    for (const rule of ["orders:write", ["orders:write"]]) {
      expect(lackOf(login, checkedRule([{ scope: rule }]), NOW)?.code).toBe(
        code,
      );
    }
  });
});

describe("any rule", () => {
  const value = fc.oneof(
    fc.constantFrom<string | number | boolean>("a", "b", "", 0, 1, true, false),
    fc.string(),
  );
  const ruleValue = value.filter((one) => one !== "");
  const { rule } = fc.letrec<{ rule: ClaimRule }>((tie) => ({
    rule: fc.oneof(
      { maxDepth: 3 },
      ruleValue,
      ruleValue.map((includes) => ({ includes })),
      fc.array(ruleValue, { minLength: 1 }).map((oneOf) => ({ oneOf })),
      fc.dictionary(fc.constantFrom("x", "y", "z"), tie("rule"), {
        minKeys: 1,
        maxKeys: 2,
      }),
    ),
  }));
  const rules = fc.dictionary(fc.constantFrom("p", "q", "r"), rule, {
    minKeys: 1,
  });
  const claims = fc.dictionary(
    fc.constantFrom("p", "q", "r", "roles"),
    fc.jsonValue({ maxDepth: 3 }),
  );

  /** A claim that is as a rule says. */
  const claimFor = (one: ClaimRule): unknown => {
    if (typeof one !== "object") return one;
    if ("includes" in one) return ["other", one.includes];
    if ("oneOf" in one) return (one.oneOf as unknown[])[0];
    return Object.fromEntries(
      Object.entries(one).map(([name, inner]) => [name, claimFor(inner)]),
    );
  };

  test("lets in the claims that it describes, also with others beside them", () => {
    fc.assert(
      fc.property(rules, claims, (wanted, others) => {
        const right = Object.fromEntries(
          Object.entries(wanted).map(([name, one]) => [name, claimFor(one)]),
        );
        const login = loginWith({ ...others, ...right });
        expect(passes(login, { claims: wanted })).toBe(true);
      }),
    );
  });

  test("lets in nobody without one of its claims, whatever the others are", () => {
    fc.assert(
      fc.property(rules, claims, (wanted, others) => {
        const [missing = ""] = Object.keys(wanted);
        const left = Object.entries(others).filter(
          ([name]) => name !== missing,
        );
        const login = loginWith(Object.fromEntries(left));
        expect(passes(login, { claims: wanted })).toBe(false);
      }),
    );
  });

  test("counts with every other: two together let in whom each lets in", () => {
    fc.assert(
      fc.property(
        rules,
        fc.array(fc.string({ minLength: 1 })),
        claims,
        (wanted, roles, held) => {
          const login = loginWith(held);
          const byClaims = passes(login, { claims: wanted });
          const byRoles = roles.length === 0 || passes(login, { roles });
          const both = { claims: wanted, ...(roles.length > 0 && { roles }) };
          expect(passes(login, both)).toBe(byClaims && byRoles);
        },
      ),
    );
  });
});

describe("what cannot be understood stops the start", () => {
  const kit = createLoginKit({
    issuer: "http://127.0.0.1:1",
    clientId: "shop",
    clientSecret: "secret",
    baseUrl: "http://localhost:3000",
    session: { secret: "a session secret of thirty-two characters" },
    resourceServers: { orders: { url: "http://127.0.0.1:1/v1" } },
  });
  const requireAuth = kit.requireAuth as (rule: unknown) => unknown;
  const cyclic: Record<string, unknown> = {};
  cyclic["again"] = cyclic;

  test.each<[string, unknown, string]>([
    ["roles as a text", { roles: "admin" }, "roles: must be a list of texts"],
    ["no roles", { roles: [] }, "roles: must not be empty"],
    ["roles that are not set", { roles: undefined }, "roles: "],
    ["role", { role: "admin" }, "did you mean roles?"],
    ["claims as a text", { claims: "admin" }, "claims: must be an object of"],
    ["no claims", { claims: {} }, "claims: must not be empty"],
    ["claims that are not set", { claims: undefined }, "claims: must be an"],
    ["a claim that is not set", { claims: { a: undefined } }, "claims.a: must"],
    ["a claim that is null", { claims: { a: null } }, "claims.a: must be a"],
    ["an empty text", { claims: { a: "" } }, "claims.a: must be a text"],
    ["a claim that is a list", { claims: { a: ["b"] } }, "claims.a: must be a"],
    ["a regular expression", { claims: { a: /b/ } }, "claims.a: must be a"],
    ["no number", { claims: { a: NaN } }, "claims.a: must be a text"],
    ["nothing inside", { claims: { a: {} } }, "claims.a: must not be empty"],
    [
      "a comparison and more",
      { claims: { a: { includes: "b", c: 1 } } },
      "claims.a: must have includes alone",
    ],
    [
      "includes with a list",
      { claims: { a: { includes: ["b"] } } },
      "claims.a.includes: must be a text",
    ],
    [
      "oneOf with a text",
      { claims: { a: { oneOf: "b" } } },
      "claims.a.oneOf: must be a list",
    ],
    [
      "a gap in oneOf",
      { claims: { a: { oneOf: Object.assign(["b"], { 2: "c" }) } } },
      "claims.a.oneOf: must be a list",
    ],
    ["oneOf with nothing", { claims: { a: { oneOf: [] } } }, "claims.a.oneOf"],
    ["a circle", { claims: cyclic }, "must not be nested so deeply"],
    ["an empty scope", { scope: "" }, 'scope: must be a text such as "orders'],
    ["spaces as scope", { scope: "  " }, "scope: must be a text such as"],
    ["no scope", { scope: [] }, "scope: must be a text such as"],
    ["a scope with a space in a list", { scope: ["a b"] }, "scope: must be a"],
    ["allow that is no function", { allow: true }, "allow: must be a function"],
    ["forward that is no name", { forward: 1 }, "forward: must be the name of"],
    [
      "forward without a name",
      { forward: { methods: ["GET"] } },
      "forward: must be the name of",
    ],
    ["forward to nobody", { forward: "invoices" }, "invoices"],
    [
      "forward with a wrong option",
      { forward: { resourceServer: "orders", method: ["GET"] } },
      "did you mean methods?",
    ],
  ])("%s", (_what, rule, told) => {
    expect(() => requireAuth(rule)).toThrow(told);
  });

  test.each<[string, RolesClaim | number]>([
    ["a number", 5],
    ["an empty list", []],
    ["a list with an empty name", [""]],
  ])("rolesClaim: %s", (_what, rolesClaim) => {
    expect(() => readProvider({ rolesClaim })).toThrow("  - rolesClaim");
  });
});

test("TypeScript refuses what is refused at the start", () => {
  const kit = null as unknown as ReturnType<typeof createLoginKit>;
  // Never run: what must not compile is shown by the compiler (npm run typecheck).
  const samples = (): void => {
    // @ts-expect-error -- roles are a list
    kit.requireAuth({ roles: "admin" });
    // @ts-expect-error -- no claim is null
    kit.requireAuth({ claims: { department: null } });
    // @ts-expect-error -- a claim that is a list is compared by includes
    kit.requireAuth({ claims: { groups: ["admins"] } });
    // @ts-expect-error -- includes takes one value
    kit.requireAuth({ claims: { groups: { includes: ["admins"] } } });
    // @ts-expect-error -- scope is a text or a list of texts
    kit.requireAuth({ scope: 5 });
    // @ts-expect-error -- only a boolean is an answer
    kit.requireAuth({ allow: () => "yes" });
    // @ts-expect-error -- a login has no such member
    kit.requireAuth({ allow: ({ isAdmin }) => isAdmin === true });
    // @ts-expect-error -- forward takes a name, with options beside it
    kit.requireAuth({ forward: { methods: ["GET"] } });
    // @ts-expect-error -- a misspelt rule
    kit.requireAuth({ role: ["admin"] });
    // @ts-expect-error -- whose token: one of three
    kit.forward("orders", { token: "mine" });
    kit.requireAuth({
      claims: { department: "sales", groups: { includes: "admins" } },
      roles: ["admin"],
      scope: "orders:write",
      allow: async (login, req) => Promise.resolve(login.id !== req.path),
      forward: { resourceServer: "orders", token: "client" },
    });
  };
  expect(samples).toBeInstanceOf(Function);
});
