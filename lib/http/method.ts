/** Which HTTP methods an endpoint serves. */
import type { Request } from "express";
import { LoginKitError } from "../base/errors.js";

/** @throws {LoginKitError} `ERR_METHOD_NOT_ALLOWED`, with the Allow header that RFC 9110 15.5.6 asks for. */
export function requireMethod(req: Request, ...allowed: string[]): void {
  if (allowed.includes(req.method)) return;
  throw new LoginKitError("ERR_METHOD_NOT_ALLOWED", {
    headers: { Allow: allowed.join(", ") },
  });
}
