/** Cuts a stream of Redis' protocol (RESP2, RESP3) into whole values. */

const CR = 13;

/** Takes chunks as they come, and gives out the values that have become whole, as their bytes. */
export function wholeValues(): (chunk: Buffer) => Buffer[] {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const values: Buffer[] = [];
    for (;;) {
      const end = endOfValue(rest, 0);
      if (end === undefined) return values;
      values.push(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  };
}

/** Where the value that begins here ends; undefined: not all of it is there. */
function endOfValue(bytes: Buffer, start: number): number | undefined {
  const lineEnd = bytes.indexOf("\r\n", start);
  if (lineEnd < 0) return undefined;
  const kind = String.fromCharCode(bytes[start] ?? CR);
  const content = bytes.toString("latin1", start + 1, lineEnd);
  const next = lineEnd + 2;
  // "-1" stands for null in RESP2.
  const size = Math.max(0, Number(content));
  switch (kind) {
    case "$":
    case "=":
    case "!": {
      if (content === "-1") return next;
      const end = next + size + 2;
      return end <= bytes.length ? end : undefined;
    }
    case "*":
    case "~":
    case ">":
      return endOfMembers(bytes, next, size);
    case "%":
      return endOfMembers(bytes, next, 2 * size);
    case "|": {
      // Attributes stand before the value that they belong to.
      const end = endOfMembers(bytes, next, 2 * size);
      return end === undefined ? undefined : endOfValue(bytes, end);
    }
    default:
      return next;
  }
}

function endOfMembers(
  bytes: Buffer,
  start: number,
  count: number,
): number | undefined {
  let end: number | undefined = start;
  for (let member = 0; member < count && end !== undefined; member++) {
    end = endOfValue(bytes, end);
  }
  return end;
}
