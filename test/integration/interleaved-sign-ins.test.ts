/** Sign-ins, answers and logouts of several providers in one browser, in any order; test/load plays many more orders. */
import { afterEach, beforeEach, test } from "@jest/globals";

import { releaseClock, takeClock } from "../support/clock.js";
import { playInAnyOrder } from "../support/interleaved-sign-ins.js";

/** Random ones, on each number of hosts. */
const ORDERS = 25;

beforeEach(takeClock);
afterEach(releaseClock);

// Shows: BCL-15, CORE-36
test.each([1, 2] as const)(
  "on %d host(s) no answer, logout or Logout Token of one provider touches another",
  (hosts) => playInAnyOrder(hosts, ORDERS),
);
