/** What the kit asks of a store: a narrow driver, over which everything that is kept is written once. */

/** What a field is set to. A text is kept as its UTF-8 bytes. */
export type FieldValue = string | Buffer;

/** One field of one record. */
export interface FieldName {
  readonly key: string;
  readonly field: string;
}

/** Asks for a field. */
export interface Condition extends FieldName {
  /** It holds one of these; `undefined` among them: or it is not there. */
  readonly isOneOf: readonly (string | undefined)[];
}

/** Sets fields of a record and leaves its others; makes the record where there is none. */
export interface SetFields {
  readonly set: string;
  readonly fields: Readonly<Record<string, FieldValue>>;
  /** The record ends so many milliseconds from now, a whole number. Absent: when it would have ended anyway. */
  readonly lifetimeMs?: number;
}

/** Takes a field away. */
export interface UnsetField {
  readonly unset: FieldName;
}

/** Deletes a record. */
export interface DeleteRecord {
  readonly delete: string;
}

/**
 * Takes a record away from its key, whatever happens, and keeps it under
 * another one with further fields. Where the store cannot keep it (it is full,
 * it is not allowed to), the record is only deleted.
 */
export interface SetAside {
  readonly setAside: string;
  readonly under: string;
  readonly fields: Readonly<Record<string, FieldValue>>;
  readonly lifetimeMs: number;
}

/**
 * Tells all who subscribe to a channel, in every process. Where other processes
 * cannot be told, nothing fails; those of this process are told in any case.
 */
export interface Publish {
  readonly publish: string;
  readonly message: string;
}

/** One change. */
export type Step = SetFields | UnsetField | DeleteRecord | SetAside | Publish;

/** What is done where all conditions hold, and what is told of it. */
export interface Case {
  readonly when: readonly Condition[];
  /** In this order. A step that fails ends the rest with an error, so those that need room come first. */
  readonly then: readonly Step[];
  /** Fields as they were before the steps. */
  readonly want?: readonly FieldName[];
}

/** Which case applied. */
export interface Decision {
  /** Its index; -1: none, and nothing was changed. */
  readonly index: number;
  /** The fields that it wants, in order. */
  readonly fields: readonly (Buffer | undefined)[];
}

/** Keys of a group: a set of members, each with an end, and a note of numbers about it. */
export interface GroupKeys {
  readonly members: string;
  readonly note: string;
}

/** A member that enters a group. */
export interface Entry {
  readonly member: string;
  /** The members are in this order. Milliseconds since 1970. */
  readonly endsAt: number;
  /** Members that ended by this time go. Milliseconds since 1970. */
  readonly now: number;
  /** The group is kept for so many milliseconds from now at least. */
  readonly lifetimeMs: number;
  /** The numbers of the note that are wanted. */
  readonly want: readonly string[];
}

/** A group when a member had entered it. */
export interface EnteredGroup {
  /** How many members it has, this one included. */
  readonly count: number;
  /** The wanted numbers, in order. */
  readonly note: readonly (number | undefined)[];
}

/** Who listens to a channel. */
export interface Subscriber {
  readonly told: (message: string) => void;
  /** Some messages may not have come. */
  readonly missed: () => void;
}

/**
 * A place where records, groups and messages are shared by processes.
 *
 * Records are small sets of named fields with a lifetime. Every method is
 * atomic, seen by every process that shares the store as soon as it has
 * answered, and rejects where the store fails: nothing is ever told as missing
 * that could not be read. Keys that are named together hold the same text in
 * braces: `{this}:a`, `{this}:b`.
 *
 * `storeContract` of `express-login-kit/testing` says what it has to do.
 */
export interface StoreDriver {
  /** Fields of a record, in order. The hot path: a guarded request asks this once, and nothing else. */
  readonly read: (
    key: string,
    fields: readonly string[],
  ) => Promise<readonly (Buffer | undefined)[]>;
  /** Applies the first case whose conditions hold. What is no record counts as none. */
  readonly decide: (cases: readonly Case[]) => Promise<Decision>;
  /** Enters a member, and tells what is noted about its group. */
  readonly enter: (group: GroupKeys, entry: Entry) => Promise<EnteredGroup>;
  readonly leave: (group: GroupKeys, member: string) => Promise<void>;
  /** The members that have entered, the one that ends first first. Some may have ended. */
  readonly members: (group: GroupKeys) => Promise<readonly string[]>;
  /** Raises the numbers of a group's note to at least these, keeps it for so many milliseconds from now, and tells the members. */
  readonly note: (
    group: GroupKeys,
    numbers: Readonly<Record<string, number>>,
    lifetimeMs: number,
  ) => Promise<readonly string[]>;
  /** Tells of what is published on a channel, until the returned function is called. */
  readonly subscribe: (channel: string, subscriber: Subscriber) => () => void;
  /** How long a record or a group is still kept, in milliseconds; undefined: not known. For the eyes of a developer only. */
  readonly lifetimeMs?: (key: string) => Promise<number | undefined>;
  /** Whether the store will never answer again, because the application has closed it. Default: no. */
  readonly isClosed?: () => boolean;
}
