/** A run as a Mermaid sequence diagram. */
import { PARTIES, type Party } from "../telling/messages.js";
import type { Arrow, Note, Run } from "./model.js";

/** Writes it. */
export function mermaidOf({ title, names, items }: Run): string {
  const parties = (Object.keys(PARTIES) as Party[]).filter((party) =>
    items.some((item) =>
      item.is === "arrow"
        ? item.from === party || item.to === party
        : item.over.includes(party),
    ),
  );
  return [
    "sequenceDiagram",
    `  title ${plain(title)}`,
    "  autonumber",
    ...parties.map((party) => {
      const name = names[party];
      const more = name === undefined ? "" : `<br/>${plain(name)}`;
      return `  participant ${party} as ${PARTIES[party]}${more}`;
    }),
    ...items.map((item) =>
      item.is === "arrow" ? arrowLine(item) : noteLine(item),
    ),
    "",
  ].join("\n");
}

function arrowLine({ from, to, direction, label, at }: Arrow): string {
  const line = direction === "request" ? "->>" : "-->>";
  return `  ${from}${line}${to}: ${plain(label)} (${String(Math.round(at))} ms)`;
}

function noteLine({ over, text }: Note): string {
  const [first] = over;
  const last = over.at(-1);
  const where =
    first === last ? (first ?? "app") : `${first ?? "app"},${last ?? "app"}`;
  return `  note over ${where}: ${plain(text)}`;
}

/** Without what Mermaid reads as its own: the end of a statement or line, an entity, a tag, a directive. */
function plain(text: string): string {
  return text.replace(/[#;<>{}\p{Cc}\p{Zl}\p{Zp}]|%%+/gu, " ");
}
