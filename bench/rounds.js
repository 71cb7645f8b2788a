/** Rounds in which everybody has a turn, and what is said of them. */

/** Samples of each lane by its name: everyone is sometimes first. */
export async function inTurn(lanes, rounds, sample) {
  const samples = new Map(lanes.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const turn = round % lanes.length;
    for (const lane of [...lanes.slice(turn), ...lanes.slice(0, turn)]) {
      samples.get(lane.name).push(await sample(lane));
    }
  }
  return samples;
}

export function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle) - 1]) / 2;
}

/** Median, smallest and largest of the ratios within the rounds. */
export function ratios(values, others) {
  const all = values.map((value, round) => value / others[round]);
  const [middle, least, most] = [
    median(all),
    Math.min(...all),
    Math.max(...all),
  ].map((one) => one.toFixed(2));
  return `${middle} (${least}–${most})`;
}

/** A table in Markdown; the first column is text, the others are numbers. */
export function table(head, lines) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const columns = head.split(" | ");
  return [
    line(columns),
    line(columns.map((_, index) => (index === 0 ? "---" : "--:"))),
    ...lines.map(line),
    "",
  ].join("\n");
}
