/** The one table of the events: how they are logged, and what they say. */
import type { LoginKitEvents } from "./events.js";

/** How an event is told. */
export interface EventText {
  /** `warn` and `error`: something or somebody was refused or failed by it. */
  readonly level: "info" | "warn" | "error";
  readonly text: string;
}

/** Every event, by its name. */
export const EVENTS: Readonly<Record<keyof LoginKitEvents, EventText>> = {
  "provider.found": {
    level: "info",
    text: "The provider was found.",
  },
  "login.started": { level: "info", text: "A login has begun." },
  "login.succeeded": { level: "info", text: "The user is signed in." },
  "login.failed": { level: "warn", text: "The login has failed." },
  "login.ended": { level: "info", text: "A login has ended." },
  "logout.received": {
    level: "info",
    text: "The provider has told of a logout.",
  },
  "token.refreshed": {
    level: "info",
    text: "The login has a new access token.",
  },
  "token.refresh_failed": {
    level: "warn",
    text: "The login got no new access token.",
  },
  "claims.refreshed": { level: "info", text: "The login has new claims." },
  "claims.refresh_failed": {
    level: "warn",
    text: "The login got no new claims.",
  },
  "token.revocation_failed": {
    level: "warn",
    text: "Tokens could not be revoked at the provider.",
  },
  "token.not_revoked": {
    level: "warn",
    text: "Tokens were not revoked: they open with the browser's cookie only.",
  },
  "request.refused": { level: "warn", text: "The request was refused." },
  error: { level: "error", text: "Something has failed." },
};
