/** Client authentication that takes what is in the `Basic` header as it comes, without decoding (RFC 6749 2.3.1). */
import type { RequestHandler } from "express";

/**
 * Refuses a client whose secret is encoded there.
 *
 * @param secret the right one
 * @param challenge the header `WWW-Authenticate` of the refusal
 */
export function rawBasic(secret: string, challenge: string): RequestHandler {
  return (req, res, next) => {
    const { authorization = "" } = req.headers;
    const [scheme, encoded = ""] = authorization.split(" ");
    const [, sent] = Buffer.from(encoded, "base64").toString().split(":");
    if (scheme !== "Basic" || sent === secret) {
      next();
      return;
    }
    res.set("WWW-Authenticate", challenge);
    res.status(401).json({ error: "invalid_client" });
  };
}
