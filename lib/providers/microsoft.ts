/** What the recipes for Microsoft's providers share. */
import type { z } from "zod";
import type {
  LogoutParameters,
  ProviderLogout,
} from "../config/provider-address-options.js";
import { text } from "./parameters.js";

/** The id of a tenant. It stands in issuers in small letters. */
export const tenantId: z.ZodType<string> = text
  .regex(
    /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i,
    "must be the id of a tenant (a UUID, not a domain)",
  )
  .toLowerCase();

/** Names the account to sign out, where ID Tokens have the optional claim `login_hint`. */
export function logoutHint({ claims }: ProviderLogout): LogoutParameters {
  const hint = claims?.["login_hint"];
  return { logout_hint: typeof hint === "string" ? hint : undefined };
}
