/** A key as Apple gives one to a team. */
import { generateKeyPairSync } from "node:crypto";

/** In PEM. */
export const APPLE_KEY: string = generateKeyPairSync("ec", {
  namedCurve: "P-256",
})
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString();
