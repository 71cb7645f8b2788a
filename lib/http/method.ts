/** Which HTTP methods an endpoint serves. */
import type { IncomingMessage } from "node:http";
import { LoginKitError } from "../base/errors.js";

/** @throws {LoginKitError} `ERR_METHOD_NOT_ALLOWED`, with the Allow header that RFC 9110 15.5.6 asks for. */
export function requireMethod(
  { method = "" }: Pick<IncomingMessage, "method">,
  ...allowed: string[]
): void {
  if (allowed.includes(method)) return;
  throw new LoginKitError("ERR_METHOD_NOT_ALLOWED", {
    headers: { Allow: allowed.join(", ") },
  });
}
