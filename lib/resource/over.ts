/** The end of a forwarded request before its answer is whole. */

/**
 * Whether it has come, and who is told of it: an `AbortSignal` with one
 * listener. A forwarded request makes one, and an `AbortController` with its
 * listeners costs as much as opening the tokens does.
 */
export class Over {
  #reason: Error | undefined;
  #told: ((reason: Error) => void) | undefined;

  /** Why; undefined: the request goes on. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /** Ends the request; what comes first counts. */
  end(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#told?.(reason);
  }

  /** From now on this one is told, in place of whoever was before. */
  tell(told: (reason: Error) => void): void {
    this.#told = told;
  }

  /** Tells this one no more. */
  forget(told: (reason: Error) => void): void {
    if (this.#told === told) this.#told = undefined;
  }
}
