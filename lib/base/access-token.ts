/** An access token that an application is given: printing it shows no token. */
import { inspect } from "node:util";
import type { Secret } from "./secret.js";

/**
 * An access token. Put it on a request as `` `${token.type} ${token.value}` ``.
 *
 * Printed, serialized, copied or spread it does not show its value. What you
 * do with `value` is yours: do not log it, and do not send it to the browser.
 */
export interface AccessToken {
  /** The token itself. */
  readonly value: string;
  /**
   * How it is put on a request: `Bearer` (RFC 6750), or `DPoP` where it is bound to
   * a key. Then it is good with a proof for each request alone, which
   * `loginOf(req).authorize` makes (RFC 9449).
   */
  readonly type: string;
  /** When it ends, if the provider said. */
  readonly expiresAt: Date | undefined;
  /** What it was granted for, if the provider said; otherwise what was asked for (RFC 6749 5.1). */
  readonly scope: string | undefined;
}

/** What an access token is made of. */
interface Issued {
  readonly value: Secret;
  readonly type: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number | undefined;
  readonly scope: string | undefined;
}

/** The access token as the kit gives it out. */
export class GivenAccessToken implements AccessToken {
  readonly #issued: Issued;

  static {
    // With all options util.inspect would call the getters.
    Object.defineProperty(this.prototype, inspect.custom, {
      value(this: GivenAccessToken): string {
        return `AccessToken ${inspect(this.toJSON())}`;
      },
    });
  }

  constructor(issued: Issued) {
    this.#issued = issued;
  }

  get value(): string {
    return this.#issued.value.reveal();
  }

  get type(): string {
    return this.#issued.type;
  }

  get expiresAt(): Date | undefined {
    const { expiresAt } = this.#issued;
    return expiresAt === undefined ? undefined : new Date(expiresAt);
  }

  get scope(): string | undefined {
    return this.#issued.scope;
  }

  toString(): string {
    return "[access token]";
  }

  toJSON(): Omit<AccessToken, "value"> {
    return { type: this.type, expiresAt: this.expiresAt, scope: this.scope };
  }
}
