// Counts down to the end of the access token, by the demo's clock, which may be ahead of the browser's.
/* global document, fetch, setInterval */

let expiresAt;
/** How far the demo's clock is ahead, in milliseconds. */
let ahead = 0;

/** Takes the newest token from the arrows. */
export async function followToken(arrows) {
  const issued = arrows.findLast((arrow) => lifetimeOf(arrow) !== undefined);
  if (issued === undefined) return;
  const { now } = await (await fetch("/demo/now")).json();
  ahead = now - Date.now();
  expiresAt = issued.time + Number(lifetimeOf(issued).value) * 1000;
  show();
}

function lifetimeOf({ fields }) {
  return fields.find(({ name }) => name === "expires_in");
}

function show() {
  const place = document.querySelector("#token-expires");
  if (place === null || expiresAt === undefined) return;
  const left = Math.round((expiresAt - ahead - Date.now()) / 1000);
  place.textContent = left > 0 ? `in ${left} s` : "now: it is over";
}

setInterval(show, 1000);
