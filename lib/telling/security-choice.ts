/** One of the protections that a provider offers, as a login uses it. */

/** What was chosen, from the provider's metadata and the options. */
export interface SecurityChoice {
  readonly about:
    | "PKCE"
    | "pushed requests"
    | "iss in answers"
    | "client authentication"
    | "token binding"
    | "signed requests"
    | "signed answers";
  /** What is used, in a few words: `S256`, `yes`, `no`, `private_key_jwt`. */
  readonly chosen: string;
  /** The reason, for people. */
  readonly why: string;
  /** What would be stronger, and what it needs; undefined: nothing that this provider has. */
  readonly stronger: string | undefined;
}
