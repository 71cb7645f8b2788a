/** Keys of proofs: read once, and named in memory by nothing that tells of them. */
import { afterEach, expect, jest, test } from "@jest/globals";

import { BoundedMap } from "../../lib/base/bounded-map.js";
import { Secret } from "../../lib/base/secret.js";
import { newProofKey, readProofKey } from "../../lib/provider/proof-keys.js";

afterEach(() => {
  jest.restoreAllMocks();
});

// Shows: DP-07
test("a key is read once, and the name that it is remembered by does not hold it", async () => {
  const set = jest.spyOn(BoundedMap.prototype, "set");
  const kept = await newProofKey("ES256");
  const read = readProofKey(kept);
  expect(readProofKey(new Secret(kept.reveal()))).toBe(read);
  expect(readProofKey(await newProofKey("ES256"))).not.toBe(read);

  const { d, x } = JSON.parse(kept.reveal()) as { d: string; x: string };
  const names = set.mock.calls.map(([name]) => name);
  expect(names).toHaveLength(2);
  for (const name of names) {
    expect(name).not.toContain(d);
    expect(name).not.toContain(x);
    expect(Buffer.from(name, "base64")).toHaveLength(32);
  }
});
