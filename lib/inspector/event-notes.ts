/** The kit's events, as notes in the runs that they happen in. */
import type { EventEmitter } from "node:events";
import { BoundedMap } from "../base/bounded-map.js";
import { EVENTS } from "../telling/event-texts.js";
import type { LoginKitEvents, LoginSubject } from "../telling/events.js";
import { witness } from "../telling/witness.js";
import type { Exchange } from "./exchange.js";
import { harmless } from "./harmless.js";
import type { GrowingRun } from "./run.js";
import type { Viewer, Viewers } from "./viewers.js";

/** Most logins whose viewer is remembered. */
const MAX_OWNERS = 1000;

/**
 * Listens from now on. What ends a login is shown to the viewer whose login it is.
 *
 * @param endedElsewhere makes a run for an end that no request of the viewer has to do with
 */
export function noteEvents(
  emitter: EventEmitter<LoginKitEvents>,
  viewers: Viewers,
  now: () => number,
  endedElsewhere: () => GrowingRun,
): void {
  const owners = new BoundedMap<Viewer>(MAX_OWNERS);

  const ended = (
    { loginId: id, subject }: LoginSubject,
    run: GrowingRun | undefined,
  ): void => {
    const owner = owners.get(id);
    if (owner === undefined) return;
    if (run?.kind === "provider-logout") viewers.show(owner, run);
    if (run !== undefined && owner.runs.includes(run)) return;
    const own = endedElsewhere();
    own.user = { id, subject };
    note(own, "login.ended");
    viewers.show(owner, own);
  };
  const note = (run: GrowingRun, event: keyof LoginKitEvents): void => {
    run.note({ over: ["app"], text: EVENTS[event].text, event }, now());
  };

  for (const name of Object.keys(EVENTS) as (keyof LoginKitEvents)[]) {
    // With a listener of ours an error that nobody looks at would be swallowed.
    if (name === "error") continue;
    const told = (payload: object): void => {
      const run = (witness() as Exchange | undefined)?.run();
      if (run !== undefined) note(run, name);
      if (!isAboutLogin(payload)) return;
      const { loginId: id, subject } = payload;
      // Who ends the login of another does not become him.
      const isWhose =
        name !== "login.ended" ||
        run?.kind === "logout" ||
        run?.kind === "provider-logout";
      if (run !== undefined && isWhose) run.user = { id, subject };
      if (name === "login.ended") ended(payload, run);
      if (name !== "login.succeeded" || run === undefined) return;
      const owner = [...viewers.all()].find(({ runs }) => runs.includes(run));
      if (owner !== undefined) owners.set(id, owner);
    };
    emitter.on(name, (payload: object) => {
      harmless(() => {
        told(payload);
      });
    });
  }
}

function isAboutLogin(payload: object): payload is LoginSubject {
  return "loginId" in payload;
}
