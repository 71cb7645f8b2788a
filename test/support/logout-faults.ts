/** The faults of the conformance suite's logout modules, as the lying provider commits them. */
import type { Misbehaviour } from "../../lib/testing/provider/misbehaviour.js";

/** The end of a logout module's name in the conformance suite. */
export type LogoutFault =
  | "other-state"
  | "no-state"
  | "alg-none"
  | "no-event"
  | "with-nonce"
  | "wrong-alg"
  | "wrong-aud"
  | "wrong-event"
  | "wrong-iss";

/** The faults of the suite's logout modules. */
export const LOGOUT_FAULTS: Readonly<Record<LogoutFault, Misbehaviour>> = {
  "other-state": {
    endSessionResponse: (right) => ({ ...right, state: "another state" }),
  },
  "no-state": {
    endSessionResponse: ({ state: _removed, ...rest }) => rest,
  },
  "alg-none": { logoutToken: { header: { alg: "none" } } },
  "no-event": { logoutToken: { claims: { events: undefined } } },
  "with-nonce": { logoutToken: { claims: { nonce: "a nonce" } } },
  // Wrong for a client that is registered with RS256, which is the default.
  "wrong-alg": { logoutToken: { header: { alg: "ES256" } } },
  "wrong-aud": { logoutToken: { claims: { aud: "another client" } } },
  "wrong-event": {
    logoutToken: { claims: { events: { "urn:example:another-event": {} } } },
  },
  "wrong-iss": {
    logoutToken: {
      claims: (right) => ({ ...right, iss: `${String(right["iss"])}1` }),
    },
  },
};
