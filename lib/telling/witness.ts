/** Who is told step by step what a request leads to: the inspector, where one is mounted. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { LoginKitError } from "../base/errors.js";
import type { CheckName } from "./checks.js";

/** A request of the application to a provider or a resource server. */
export interface SentRequest {
  readonly to: "provider" | "resource";
  readonly method: string;
  readonly url: string;
  readonly headers: Iterable<readonly [string, unknown]>;
  /** Where it is a text. */
  readonly body?: string | undefined;
}

/** Its answer. */
export interface SentAnswer {
  readonly status: number;
  readonly headers: Iterable<readonly [string, unknown]>;
  /** Where it is a text, and of a provider. */
  readonly body?: string | undefined;
}

/**
 * Is told what a request leads to, as it is, with its secrets. It must neither
 * throw nor keep a secret.
 */
export interface Witness {
  /** @returns is told of the answer; of `undefined`, where none came */
  readonly sent: (
    request: SentRequest,
  ) => (answer: SentAnswer | undefined) => void;
  /** A form was read from the request. */
  readonly read: (form: URLSearchParams) => void;
  /** The browser is sent to the provider. */
  readonly leaves: (url: URL) => void;
  /** The request belongs to the sign-in that is found by this hash of its `state`. */
  readonly belongsTo: (stateHash: string) => void;
  /** The provider's answer, as it is now looked at. */
  readonly answered: (parameters: URLSearchParams) => void;
  readonly passed: (...checks: readonly CheckName[]) => void;
  readonly failed: (check: CheckName) => void;
  readonly refused: (error: LoginKitError) => void;
}

/** Does a request's work; watched, where somebody wants to watch it. */
export type Watch = (
  req: IncomingMessage,
  res: ServerResponse,
  work: () => unknown,
) => unknown;

/** A kit's place for who watches its requests. Empty, it costs a look. */
export interface Watched {
  by: Watch | undefined;
  /** Ends what is open for those who watch: the application stops. */
  close?: () => void;
}

// Made when somebody watches: Node traces every promise of the process then.
let watching: AsyncLocalStorage<Witness> | undefined;

/** Does the work with this witness, and all that comes of it. */
export function withWitness<Result>(
  witness: Witness,
  work: () => Result,
): Result {
  watching ??= new AsyncLocalStorage();
  return watching.run(witness, work);
}

/** Who is told of what happens now; undefined: nobody. */
export function witness(): Witness | undefined {
  return watching?.getStore();
}

/**
 * Makes a check.
 *
 * @param failure makes what is thrown where it fails
 * @throws that
 */
export function check(
  name: CheckName,
  isRight: boolean,
  failure: () => Error,
): void {
  const seen = witness();
  if (isRight) {
    seen?.passed(name);
    return;
  }
  seen?.failed(name);
  throw failure();
}
