/** The table of signature algorithms, and what an older Node.js says of the newest. */
import { createHash, generateKeyPairSync } from "node:crypto";

import { describe, expect, test } from "@jest/globals";

import {
  FAPI2_ALGORITHMS,
  leftHalfOfHash,
  PUBLIC_KEY_ALGORITHMS,
  SIGNATURE_ALGORITHMS,
  whyUnavailable,
} from "../../lib/base/signature-algorithms.js";
import { problemsOf, readProvider } from "../support/read-options.js";

const POST_QUANTUM = ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"] as const;

test("the options take every algorithm of the table, and no other", () => {
  for (const idTokenSigningAlg of SIGNATURE_ALGORITHMS) {
    const problems = problemsOf({ idTokenSigningAlg });
    expect(problems).toEqual(
      whyUnavailable(idTokenSigningAlg) === undefined
        ? []
        : [expect.stringContaining("cannot be used here")],
    );
  }
  for (const name of ["none", "RS1", "ES256K", "ML-DSA-99", "toString"]) {
    expect(problemsOf({ idTokenSigningAlg: name })).toHaveLength(1);
  }
});

test("UserInfo is never checked with the client secret", () => {
  expect(PUBLIC_KEY_ALGORITHMS.some((name) => name.startsWith("HS"))).toBe(
    false,
  );
  expect(problemsOf({ userInfoSigningAlg: "HS256" })).toHaveLength(1);
});

test("FAPI 2.0 5.4.1: PS256, ES256 and EdDSA, by both of its names", () => {
  expect(FAPI2_ALGORITHMS).toEqual(["PS256", "ES256", "EdDSA", "Ed25519"]);
});

test.each([
  ["RS256", "sha256", 16],
  ["ES384", "sha384", 24],
  ["EdDSA", "sha512", 32],
] as const)("at_hash of %s is the left half of %s", (name, hash, bytes) => {
  const digest = createHash(hash).update("a token").digest();
  expect(leftHalfOfHash("a token", name)).toBe(
    digest.subarray(0, bytes).toString("base64url"),
  );
});

describe.each(POST_QUANTUM)("%s", (name) => {
  test("a Node.js that lacks it is told what it needs", () => {
    const lacking = (): never => {
      throw new TypeError("The argument 'type' must be a supported key type");
    };
    expect(whyUnavailable(name, lacking)).toBe(
      `${name} needs Node.js 24.7 or later with OpenSSL 3.5; this is ${process.version} with OpenSSL ${process.versions.openssl}`,
    );
  });

  test("it is an option's value exactly where this Node.js has it", () => {
    const isThere = hasKeyType(name.toLowerCase());
    expect(whyUnavailable(name) === undefined).toBe(isThere);
    if (isThere) {
      expect(readProvider({ idTokenSigningAlg: name })).toMatchObject({
        idTokenSigningAlg: name,
      });
    } else {
      expect(problemsOf({ idTokenSigningAlg: name })).toEqual([
        expect.stringMatching(
          /^idTokenSigningAlg: cannot be used here: ML-DSA-\d\d needs Node\.js 24\.7/,
        ),
      ]);
    }
  });

  test("its at_hash has 256 bits", () => {
    expect(Buffer.from(leftHalfOfHash("a", name), "base64url")).toHaveLength(
      32,
    );
  });
});

function hasKeyType(type: string): boolean {
  try {
    (generateKeyPairSync as (type: string) => unknown)(type);
    return true;
  } catch {
    return false;
  }
}
