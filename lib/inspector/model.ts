/** What the inspector knows and shows: runs of arrows, without any secret. */
import type { MessageName, Party } from "../telling/messages.js";

/** A text with a value that is a secret says only this of it. */
export interface HiddenValue {
  /** How many characters the value has. */
  readonly length: number;
  /** The same for the same value while the process runs, and nothing by which it could be found. */
  readonly fingerprint: string;
}

/** One parameter, header, cookie or member of a message. */
export interface Field {
  readonly name: string;
  /** What it says, or that it is a secret. */
  readonly value: string | HiddenValue;
  readonly in: "query" | "form" | "json" | "header" | "cookie";
  /** What it is for. */
  readonly text?: string;
  readonly specification?: string;
}

/** A check that was made, in the order in which it was. */
export interface Check {
  /** Such as `state`, `nonce`, `at_hash`. */
  readonly name: string;
  /** Such as "state is the one that was sent". */
  readonly title: string;
  readonly result: "passed" | "failed";
  /** What was wrong. */
  readonly diagnosis?: string;
  readonly specification?: string;
}

/** A JWT that came, decoded. */
export interface DecodedToken {
  readonly kind: "ID Token" | "Logout Token";
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** One HTTP message: a request or an answer. */
export interface Arrow {
  readonly is: "arrow";
  readonly id: string;
  readonly message: MessageName;
  readonly direction: "request" | "response";
  readonly from: Party;
  readonly to: Party;
  /** Short: `GET /login`, `303 → provider.example`. */
  readonly label: string;
  /** Milliseconds since the run began. */
  readonly at: number;
  /** False: it passes between browser and provider, and the application knows of it by what came before or after. */
  readonly isSeen: boolean;
  readonly method?: string;
  /** Without secrets. */
  readonly url?: string;
  readonly status?: number;
  readonly fields: readonly Field[];
  readonly checks: readonly Check[];
  readonly token?: DecodedToken;
  /** The request to which this answers, by its id. */
  readonly answers?: string;
}

/** Something that is no HTTP message: a step of the user, an event of the kit. */
export interface Note {
  readonly is: "note";
  readonly id: string;
  readonly over: readonly Party[];
  readonly text: string;
  readonly at: number;
  /** The name of the event in the log, such as `login.succeeded`. */
  readonly event?: string;
}

/** What a run is made of. */
export type Item = Arrow | Note;

/** Why a run failed. */
export interface RunFailure {
  readonly code: string;
  readonly title: string;
  readonly cause: string;
  readonly remedy: string;
  /** What exactly happened. */
  readonly diagnosis: string;
  /** The arrow at which it failed. */
  readonly arrow: string | undefined;
}

/** What a run is about. The last that applies: a call with a refresh is a refresh. */
export type RunKind =
  "call" | "refresh" | "login" | "logout" | "provider-logout";

/** A login, a call, a refresh or a logout: from the request that began it to its last message. */
export interface Run {
  readonly id: string;
  readonly kind: RunKind;
  /** Such as "Login of alice", "Call of GET /api/orders, with a refresh". */
  readonly title: string;
  /** Which of the user's browsers: 1, 2. */
  readonly browser: number;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly state: "running" | "done" | "failed";
  readonly failure?: RunFailure;
  readonly login?: { readonly id: string; readonly subject: string };
  /** The address of the provider, and the name of the resource server, as far as they take part. */
  readonly names: Readonly<Partial<Record<Party, string>>>;
  /** In the order in which they happened. */
  readonly items: readonly Item[];
}

/** One key in the store, without what it holds. */
export interface StoredKey {
  readonly key: string;
  readonly what: string;
  readonly secondsLeft: number | undefined;
  readonly fields: readonly {
    readonly name: string;
    readonly what: string;
    readonly bytes: number;
    readonly isSealed: boolean;
  }[];
}

/** What is kept for this browser now, and where. */
export interface Held {
  readonly browser: readonly {
    readonly cookie: string;
    readonly what: string;
    readonly value: HiddenValue;
  }[];
  readonly store: {
    readonly name: string;
    readonly keys: readonly StoredKey[];
  };
}
