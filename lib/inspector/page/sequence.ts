/** What a page of any application loads to have `<login-sequence>`. */
import { defineLoginSequence, LoginSequence } from "./login-sequence.js";

defineLoginSequence();

export { LoginSequence };
