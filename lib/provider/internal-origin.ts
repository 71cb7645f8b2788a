/** The origin under which the application itself reaches the provider, where browsers use another. */
import { parseUrl } from "../base/parse-url.js";
import type { LimitedFetch } from "./limited-fetch.js";
import type { ProviderConfig } from "../config/provider-config.js";

/** What the option says, and whom it is about. */
type Reach = Pick<ProviderConfig, "issuer" | "internalOrigin">;

/** The address that the application asks in place of one of the provider's. */
export function internalAddress(
  url: string,
  { issuer, internalOrigin }: Reach,
): string {
  return internalOrigin === undefined
    ? url
    : moved(url, new URL(issuer).origin, new URL(internalOrigin).origin);
}

/** The public address of one that may be at the internal origin. */
export function publicAddress(
  url: string,
  { issuer, internalOrigin }: Reach,
): string {
  return internalOrigin === undefined
    ? url
    : moved(url, new URL(internalOrigin).origin, new URL(issuer).origin);
}

/** Whether an address is at the internal origin, where no browser comes. */
export function isInternal(url: string, { internalOrigin }: Reach): boolean {
  return (
    internalOrigin !== undefined &&
    parseUrl(url)?.origin === new URL(internalOrigin).origin
  );
}

/** A fetch that sends what is for the origin of `issuer` to the internal one. */
export function sendingInside(fetch: LimitedFetch, reach: Reach): LimitedFetch {
  return (url, request) => fetch(internalAddress(url, reach), request);
}

function moved(url: string, from: string, to: string): string {
  const parsed = parseUrl(url);
  return parsed?.origin === from
    ? `${to}${parsed.pathname}${parsed.search}`
    : url;
}
