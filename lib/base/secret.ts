/** A value that cannot be printed, logged or serialized by accident. */

/**
 * Holds a token, code verifier or the like; only `reveal()` gives it out.
 * `console.log` does not look into private fields.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Call it where the value leaves for where it belongs. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }
}
