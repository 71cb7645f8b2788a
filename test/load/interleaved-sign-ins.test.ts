/** Sign-ins, answers and logouts of several providers in one browser, in hundreds of orders. */
import { afterEach, beforeEach, test } from "@jest/globals";

import { releaseClock, takeClock } from "../support/clock.js";
import { playInAnyOrder } from "../support/interleaved-sign-ins.js";
import { volume } from "../support/volume.js";

/** Random ones, on each number of hosts. */
const ORDERS = volume(25, 200);

beforeEach(takeClock);
afterEach(releaseClock);

test.each([1, 2] as const)(
  "on %d host(s) no answer, logout or Logout Token of one provider touches another",
  (hosts) => playInAnyOrder(hosts, ORDERS),
);
