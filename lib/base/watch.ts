/** How work is watched that takes time and may fail. */

/** Does the work, and gives its result; somebody learns how long it took, and whether it failed. */
export type Watch = <Result>(
  name: string,
  work: () => Promise<Result>,
) => Promise<Result>;
