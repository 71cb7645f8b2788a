/** A token endpoint that answers what a test wants. */
import type { World } from "./world.js";

/** From now on the token endpoint answers this; gives the forms that it was sent. */
export function answerTokenRequests(
  { provider }: Pick<World, "provider">,
  status: number,
  body: object | undefined,
): URLSearchParams[] {
  const forms: URLSearchParams[] = [];
  provider.intercept = (req, res) => {
    if (req.url !== "/token") return false;
    let form = "";
    req.on("data", (chunk) => (form += String(chunk)));
    req.on("end", () => {
      forms.push(new URLSearchParams(form));
      res.writeHead(status, {
        "Content-Type": "application/json",
        ...(status === 401 && { "WWW-Authenticate": 'Bearer realm="op"' }),
      });
      res.end(body && JSON.stringify(body));
    });
    return true;
  };
  return forms;
}
