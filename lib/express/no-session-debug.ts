/** Keeps express-session's debug lines out of logs: they name session ids and whole cookies. */

// The package `debug` reads this variable when express-session is loaded, so
// this module has to be imported before it.
const { DEBUG } = process.env;
if (DEBUG !== undefined) process.env["DEBUG"] = `${DEBUG},-express-session`;

export {};
