/** Which addresses stay on this machine, where plain http is no risk. */

/** Whether this is plain http to this very machine. */
export function isLoopbackHttp(url: URL): boolean {
  return url.protocol === "http:" && isLoopback(url);
}

/** Whether this is an address that only this very machine can reach. */
export function isLoopback({ hostname }: URL): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname)
  );
}
