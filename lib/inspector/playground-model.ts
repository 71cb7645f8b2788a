/** What the playground's page is told: one description for the server and the page. */
import type { Field } from "./model.js";

/** What can be asked for. */
export interface Supported {
  readonly scopes: readonly string[];
  readonly prompts: readonly string[];
  readonly acrValues: readonly string[];
  readonly uiLocales: readonly string[];
  readonly responseModes: readonly string[];
  readonly claims: readonly string[];
  readonly claimsParameter: boolean;
  readonly resources: readonly string[];
  /** By the provider's metadata and the option pushedAuthorizationRequests. */
  readonly pushedRequests: "required" | "offered" | "none";
}

/** What the provider offers. */
export interface Offer {
  readonly provider: {
    readonly issuer: string;
    readonly authorizationEndpoint: string;
  };
  readonly providers: readonly string[];
  readonly defaults: Readonly<Record<string, string>>;
  readonly supported: Supported;
}

/** A request as it would be sent. */
export interface Preview {
  readonly url: string;
  readonly fields: readonly Field[];
  readonly notes: readonly string[];
}
