/** readConfig: who the application is, and what it asks of its provider. */
import { describe, expect, test } from "@jest/globals";

import { ClientSecretJwt, None, PrivateKeyJwt } from "../../lib/index.js";
import {
  SECRET,
  read,
  readProvider,
  problemsOf,
} from "../support/read-options.js";

describe("baseUrl", () => {
  test("a trailing slash does not matter", () => {
    expect(read({ baseUrl: "https://shop.example/" }).baseUrls).toEqual([
      "https://shop.example",
    ]);
  });

  test.each([
    "http://localhost:3000",
    "http://app.localhost:3000",
    "http://127.0.0.1:3000",
    "http://127.3.2.1",
    "http://[::1]:3000",
  ])("%s may be http: cookies then have plain names", (baseUrl) => {
    const config = read({ baseUrl });
    expect(config.secureCookies).toBe(false);
    expect(config.session.cookieName).not.toContain("__Host-");
  });

  test.each([
    ["http://localhost:3000", "session-3000"],
    ["http://localhost", "session"],
    ["https://localhost:8443", "__Host-session-8443"],
    ["https://shop.example", "__Host-session"],
  ])("cookies know no ports: at %s the default name is %s", (baseUrl, name) => {
    expect(read({ baseUrl }).session.cookieName).toBe(name);
  });

  test("a session.cookieName that is given gets no port", () => {
    const session = { secret: SECRET, cookieName: "shop" };
    const config = read({ baseUrl: "http://localhost:3000", session });
    expect(config.session.cookieName).toBe("shop");
  });

  test.each([
    "http://shop.example",
    "http://192.168.1.1",
    "http://10.0.0.1:3000",
    "http://0.0.0.0:3000",
    "http://127.0.0.1.evil.example",
    "http://localhost.evil.example",
    "http://notlocalhost",
    "ftp://localhost",
    "ws://localhost",
  ])("BCP-11, ASVS 12.2.1: %s is no place for a login", (baseUrl) => {
    expect(problemsOf({ baseUrl })).toContainEqual(
      expect.stringMatching(/^baseUrl: must be https/),
    );
  });

  test("dangerouslyAllowInsecureRequests does not make http cookies safe", () => {
    expect(
      problemsOf({
        baseUrl: "http://shop.example",
        dangerouslyAllowInsecureRequests: true,
      }),
    ).toEqual([expect.stringMatching(/^baseUrl: must be https/)]);
  });

  test.each([
    "https://shop.example/app/?a=1",
    "https://shop.example/an%20app",
    "https://shop.example//app",
    "https://shop.example/?a=1",
    "https://shop.example/#a",
    "https://user@shop.example",
    "https://:password@shop.example",
  ])("OA-03: %s is more than an origin and a plain path", (baseUrl) => {
    expect(problemsOf({ baseUrl })).toEqual([
      "baseUrl: must be an origin such as https://shop.example, or one with a plain path such as https://shop.example/shop",
    ]);
  });

  test("an address without a scheme is told how to be written, and nothing else", () => {
    const problems = problemsOf({
      baseUrl: "localhost:3000",
      redis: undefined,
    });
    expect(problems).toEqual([
      expect.stringContaining("write it like https://shop.example or http://"),
    ]);
  });

  test.each(["shop.example", "/", "https://", "not a url"])(
    "%s is no URL",
    (baseUrl) => {
      expect(problemsOf({ baseUrl })).toEqual([
        "baseUrl: must be an absolute URL, such as https://shop.example",
      ]);
    },
  );
});

describe("issuer", () => {
  test("is kept as it was written: it is compared, not opened", () => {
    expect(readProvider({ issuer: "https://op.example/tenant/" }).issuer).toBe(
      "https://op.example/tenant/",
    );
  });

  test("http on loopback is for development", () => {
    expect(
      readProvider({ issuer: "http://127.0.0.1:9000" }).allowInsecureRequests,
    ).toBe(true);
  });

  // Shows: ASVS 12.3.1
  test("DISC-04: http elsewhere is refused", () => {
    expect(problemsOf({ issuer: "http://op.example" })).toEqual([
      "issuer: must be https; http works on loopback addresses, elsewhere only with dangerouslyAllowInsecureRequests",
    ]);
  });

  test("http elsewhere works with dangerouslyAllowInsecureRequests", () => {
    const config = readProvider({
      issuer: "http://op.example",
      dangerouslyAllowInsecureRequests: true,
    });
    expect(config.allowInsecureRequests).toBe(true);
  });

  test("dangerouslyAllowInsecureRequests allows http, no other scheme", () => {
    expect(
      problemsOf({
        issuer: "ftp://op.example",
        dangerouslyAllowInsecureRequests: true,
      }),
    ).toEqual([expect.stringMatching(/^issuer: must be https/)]);
  });

  test.each([
    [
      "https://op.example/?tenant=1",
      "issuer: must have no query, fragment or user name",
    ],
    [
      "https://op.example/#a",
      "issuer: must have no query, fragment or user name",
    ],
    [
      "https://me@op.example",
      "issuer: must have no query, fragment or user name",
    ],
    [
      "https://op.example/.well-known/openid-configuration",
      "issuer: must be the issuer, not the address of its metadata; that one is the option metadataUrl",
    ],
    [
      "op.example",
      "issuer: must be an absolute URL, such as https://op.example",
    ],
  ])("DISC-04: %s: %s", (issuer, problem) => {
    expect(problemsOf({ issuer })).toEqual([problem]);
  });
});

test("a password in the issuer is refused", () => {
  expect(problemsOf({ issuer: "https://:secret@op.example" })).toEqual([
    "issuer: must have no query, fragment or user name",
  ]);
});

describe("client authentication", () => {
  test("needs a secret", () => {
    expect(problemsOf({ clientSecret: undefined })).toEqual([
      expect.stringMatching(/^clientSecret: is undefined/),
    ]);
  });

  test("is a function of openid-client where there is no secret", () => {
    const clientAuth = () => undefined;
    const config = readProvider({ clientSecret: undefined, clientAuth });
    expect(config.clientAuth).toBe(clientAuth);
  });

  test("is one of five names, or a function", () => {
    for (const clientAuth of ["none", 1, null, {}]) {
      expect(problemsOf({ clientAuth })).toEqual([
        "clientAuth: must be client_secret_basic, client_secret_post, client_secret_jwt, tls_client_auth, self_signed_tls_client_auth, or a function such as PrivateKeyJwt(key), ClientSecretJwt(secret) or None() of this package",
      ]);
    }
  });

  test.each([
    ["None()", None],
    ["PrivateKeyJwt(key)", PrivateKeyJwt],
    ["ClientSecretJwt(secret)", ClientSecretJwt],
    // As the bundle of the package names it.
    [
      "PrivateKeyJwt(key)",
      function PrivateKeyJwt2() {
        return undefined;
      } as never,
    ],
  ])("is what %s makes, and not the maker itself", (call, clientAuth) => {
    expect(problemsOf({ clientAuth, clientSecret: undefined })).toEqual([
      `clientAuth: must be called: write ${call}`,
    ]);
  });

  test("is None() for a public client, without a secret", () => {
    expect(problemsOf({ clientSecret: undefined, clientAuth: None() })).toEqual(
      [],
    );
  });

  test.each(["HS256", "HS384", "HS512"])(
    "%s ID Tokens are signed with the client secret",
    (idTokenSigningAlg) => {
      expect(
        problemsOf({
          clientSecret: undefined,
          clientAuth: () => undefined,
          idTokenSigningAlg,
        }),
      ).toEqual(["idTokenSigningAlg: HS algorithms need clientSecret"]);
    },
  );

  test.each(["none", "RS1", "rs256"])(
    "F2-18, ASVS 9.1.2: no ID Token is accepted with the algorithm %s",
    (idTokenSigningAlg) => {
      expect(problemsOf({ idTokenSigningAlg })).toEqual([
        expect.stringMatching(/^idTokenSigningAlg: /),
      ]);
    },
  );
});

describe("acrOrder", () => {
  test("names contexts from the weakest to the strongest", () => {
    const acrOrder = ["bronze", "urn:example:gold"];
    expect(readProvider({ acrOrder }).acrOrder).toEqual(acrOrder);
  });

  test.each<[unknown, string]>([
    ["gold", "acrOrder: must be a list; this is a text"],
    [
      ["gold"],
      "acrOrder: must have two values at least, from the weakest to the strongest",
    ],
    [
      [],
      "acrOrder: must have two values at least, from the weakest to the strongest",
    ],
    [["silver", "gold x"], "acrOrder.1: must be one name without spaces"],
    [["a", "b", "a", "b", "a"], "acrOrder: a, b comes more than once"],
  ])("%j is refused", (acrOrder, problem) => {
    expect(problemsOf({ acrOrder })).toEqual([problem]);
  });

  test("an empty name is refused", () => {
    expect(problemsOf({ acrOrder: ["", "gold"] }).join()).toContain(
      "acrOrder.0: ",
    );
  });
});

describe("scope", () => {
  test.each(["profile email", "openid2 profile", "OPENID"])(
    "CORE-01: %s: without openid there is no ID Token",
    (scope) => {
      expect(problemsOf({ scope })).toEqual(["scope: must contain openid"]);
    },
  );
});

describe("parameters of the authorization request", () => {
  const own = [
    "client_id",
    "client_secret",
    "redirect_uri",
    "response_type",
    "response_mode",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "scope",
    "request",
    "request_uri",
  ];

  test.each(own)("%s is the kit's own", (name) => {
    expect(problemsOf({ authorizationParameters: { [name]: "x" } })).toEqual([
      `authorizationParameters.${name}: is set by the kit and cannot be changed here`,
    ]);
  });

  test.each([...own, "return_to"])(
    "%s cannot be left to whoever makes the link",
    (name) => {
      expect(problemsOf({ loginParameters: [name] })).toEqual([
        `loginParameters: ${name} cannot be left to whoever makes the link`,
      ]);
    },
  );

  // Shows: CORE-06
  test("the application's own are kept", () => {
    const authorizationParameters = { prompt: "consent", audience: "orders" };
    expect(readProvider({ authorizationParameters })).toMatchObject({
      authorizationParameters,
    });
  });
});
