/** Tables from samples. */
import { median as medianOf } from "./rounds.js";

/** @param samples of each server of `GET /me`, by name */
export function guardTable(samples) {
  const bare = samples["bare Express"];
  return table(
    [
      "server",
      "requests/s",
      "CPU µs a request",
      "CPU × bare Express",
      "Redis commands a request",
      "bytes from Redis a request",
    ],
    Object.entries(samples).map(([name, own]) => [
      name,
      median(own, "requestsPerSecond").toFixed(0),
      withRange(
        own.map(({ cpu }) => cpu),
        0,
      ),
      withRange(ratios(own, bare, "cpu")),
      median(own, "commands").toFixed(2),
      median(own, "bytesRead").toFixed(0),
    ]),
  );
}

/** @param small samples of each proxy for 1 KB, by name; @param large for 1 MB */
export function forwardingTable(small, large) {
  return table(
    [
      "proxy",
      "1 KB: requests/s",
      "× hpm",
      "CPU µs a request",
      "1 MB: MB/s",
      "× bare undici",
      "CPU ms a MB",
    ],
    Object.keys(small).map((name) => [
      name,
      median(small[name], "requestsPerSecond").toFixed(0),
      withRange(
        ratios(
          small[name],
          small["hpm and express-session"],
          "requestsPerSecond",
        ),
      ),
      withRange(
        small[name].map(({ cpu }) => cpu),
        0,
      ),
      median(large[name], "megabytesPerSecond").toFixed(0),
      withRange(
        ratios(large[name], large["bare undici proxy"], "megabytesPerSecond"),
      ),
      (median(large[name], "cpu") / 1000).toFixed(2),
    ]),
  );
}

/** Whether the kit is as fast as it is meant to be. */
export function goalsTable(guarded, refused, small, large) {
  const kit = "the kit";
  const medianRatio = (own, other, name) => medianOf(ratios(own, other, name));
  const goals = [
    [
      "`GET /me`: CPU at most 1.15 × bare Express",
      medianRatio(guarded[kit], guarded["bare Express"], "cpu"),
      (value) => value <= 1.15,
    ],
    [
      "`GET /me`, not signed in: CPU at most 1.10 × bare Express",
      medianRatio(refused[kit], refused["bare Express"], "cpu"),
      (value) => value <= 1.1,
    ],
    [
      "`GET /me`: one Redis command a request",
      median(guarded[kit], "commands"),
      (value) => value <= 1.02,
    ],
    [
      "`GET /me`: at most 600 bytes from Redis a request",
      median(guarded[kit], "bytesRead"),
      (value) => value <= 600,
    ],
    [
      "`GET /me`: CPU with five providers at most 1.05 × that with one",
      medianRatio(guarded["the kit, five providers"], guarded[kit], "cpu"),
      (value) => value <= 1.05,
    ],
    [
      "`GET /me`: CPU with the inspector mounted at most 1.30 × that without",
      medianRatio(guarded["the kit, inspector mounted"], guarded[kit], "cpu"),
      (value) => value <= 1.3,
    ],
    [
      "1 KB: at least 2 × the requests/s of hpm and express-session",
      medianRatio(
        small[kit],
        small["hpm and express-session"],
        "requestsPerSecond",
      ),
      (value) => value >= 2,
    ],
    [
      "1 KB: at most 0.5 × the CPU of hpm and express-session",
      medianRatio(small[kit], small["hpm and express-session"], "cpu"),
      (value) => value <= 0.5,
    ],
    [
      "1 MB: at least 0.9 × the MB/s of a bare undici proxy",
      medianRatio(large[kit], large["bare undici proxy"], "megabytesPerSecond"),
      (value) => value >= 0.9,
    ],
  ];
  return table(
    ["goal", "measured", "met"],
    goals.map(([goal, value, isMet]) => [
      goal,
      value.toFixed(2),
      isMet(value) ? "yes" : "**no**",
    ]),
  );
}

/** What the kit costs now, where it cost 1 before. @param tables samples of each table's servers, by name */
export function beforeTable(tables) {
  return table(
    ["what is asked", "CPU × before", "requests/s × before"],
    Object.entries(tables).map(([asked, samples]) => {
      const [now, before] = [samples["the kit"], samples["the kit before"]];
      return [
        asked,
        withRange(ratios(now, before, "cpu")),
        withRange(ratios(now, before, "requestsPerSecond")),
      ];
    }),
  );
}

/** Round by round, so that what slows the whole machine down for a while slows both. */
function ratios(own, other, name) {
  return own.map((one, round) => one[name] / other[round][name]);
}

function withRange(values, digits = 2) {
  const sorted = values.sort(ascending);
  const [least, middle, most] = [
    sorted[0],
    medianOf(sorted),
    sorted.at(-1),
  ].map((value) => value.toFixed(digits));
  return least === most ? middle : `${middle} (${least}–${most})`;
}

function median(samples, name) {
  return medianOf(samples.map((one) => one[name]));
}

function ascending(one, other) {
  return one - other;
}

function table(heads, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const rule = heads.map((_head, column) => (column === 0 ? "---" : "---:"));
  return [line(heads), line(rule), ...rows.map(line)].join("\n");
}
