/** What addresses that the kit sends secrets to must be. */
import { isLoopbackHttp } from "../base/loopback.js";

/** An address of a provider or resource server that tokens would cross in clear. */
export function httpsProblems(
  option: string,
  url: URL,
  allowsInsecure: boolean,
): string[] {
  if (url.protocol === "https:" || isLoopbackHttp(url)) return [];
  if (url.protocol === "http:" && allowsInsecure) {
    return [];
  }
  return [
    `${option}: must be https; http works on loopback addresses, elsewhere only with dangerouslyAllowInsecureRequests`,
  ];
}
