/** Where a redirect leads, and how values that try to change that are sent. */
import type { RedirectPayload } from "../security/redirect-corpus.js";

/** Whether a browser on this page that is sent there is at the page's origin still. */
export function staysAt(location: string, page: string): boolean {
  return (
    URL.canParse(location, page) &&
    new URL(location, page).origin === new URL(page).origin
  );
}

/** The value, with the application's origin in its gaps. */
export function filled(value: string, app: string): string {
  return value.replaceAll("{app}", app).replaceAll("{host}", new URL(app).host);
}

/** The payload as a query or form has it. */
export function sent({ value, encoded }: RedirectPayload, app: string): string {
  return encoded ? filled(value, app) : encodeURIComponent(filled(value, app));
}
