/** Which addresses stay on this machine, where plain http is no risk. */

/** Whether this is plain http to this very machine. */
export function isLoopbackHttp({ protocol, hostname }: URL): boolean {
  return (
    protocol === "http:" &&
    (hostname === "localhost" ||
      hostname.endsWith(".localhost") ||
      hostname === "[::1]" ||
      /^127\.\d+\.\d+\.\d+$/.test(hostname))
  );
}
