/** Sends the requests of the fuzz run, and judges and counts the answers. */
import fc from "fast-check";

import { pipelined, type WireAnswer } from "../support/pipelined.js";
import { codeOf, problemsOf } from "./fuzz-judge.js";
import {
  connection,
  type FuzzConnection,
  type FuzzRequest,
  request,
} from "./fuzz-requests.js";
import type { FuzzState } from "./fuzz-state.js";

/** Sends, and tells what came back. */
export interface FuzzRun {
  /** What was wrong, how often, and one request with its answer. */
  readonly odd: ReadonlyMap<string, { count: number; example: unknown }>;
  /** By endpoint: how often each status and code. */
  readonly seen: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Answers of each half; connections of the raw one, and those that the server did not close. */
  readonly answered: Readonly<
    Record<"generated" | "raw" | "connections" | "silent", number>
  >;
  /** Requests that every parser understands, one answer each. */
  readonly generated: (
    state: FuzzState,
    seed: number,
    count: number,
  ) => Promise<void>;
  /** Bytes that are hardly HTTP, until there are so many answers. */
  readonly raw: (
    state: FuzzState,
    seed: number,
    count: number,
  ) => Promise<void>;
  /** Streams of events that are left as soon as they have begun. */
  readonly streams: (state: FuzzState) => Promise<void>;
}

const PER_CONNECTION = 50;
/** Has no body: a server that closes while one is still to come resets the connection, and answers on their way are lost. */
const LAST = "GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const AT_ONCE = 12;
const STREAMS = 50;
/** Kinds of problems that are told. */
const MAX_ODD = 20;

/** @param origins - the application's, and where else redirects may lead */
export function fuzzRun(origins: readonly [string, ...string[]]): FuzzRun {
  const [url] = origins;
  const odd = new Map<string, { count: number; example: unknown }>();
  const seen = new Map<string, Map<string, number>>();
  const answered = {
    generated: 0,
    raw: 0,
    connections: 0,
    silent: 0,
  };

  return {
    odd,
    seen,
    answered,
    async generated(state, seed, count) {
      let left = count / PER_CONNECTION;
      await together(
        () => (left-- > 0 ? left : undefined),
        (number) =>
          sendRequests(
            fc.sample(request, {
              seed: seed * 1_000 + number,
              numRuns: PER_CONNECTION,
            }),
            `zq${String(seed)}c${String(number)}`,
            state,
          ),
      );
    },
    async raw(state, seed, count) {
      const enough = answered.raw + count;
      let next = 0;
      await together(
        () => (answered.raw < enough ? next++ : undefined),
        async (number) => {
          const [one] = fc.sample(connection, {
            seed: seed * 1_000 + number,
            numRuns: 1,
          });
          const token = `zr${String(seed)}c${String(number)}qz`;
          if (one) await sendRaw(one, token, state);
        },
      );
    },
    async streams(state) {
      await Promise.all(Array.from({ length: STREAMS }, () => leave(state)));
    },
  };

  async function sendRequests(
    requests: readonly FuzzRequest[],
    name: string,
    state: FuzzState,
  ): Promise<void> {
    const filled = requests.map((one, at) => {
      const token = `${name}n${String(at)}qz`;
      return { ...one, token, text: state.written(one, token) };
    });
    const texts = filled.map(({ text }) => text);
    const { answers, rest } = await pipelined(url, texts.join("") + LAST, {
      isHead: (at) => filled[at]?.method === "HEAD",
      silence: 30_000,
    });
    if (answers.length !== filled.length + 1 || rest !== "") {
      const next = texts[answers.length];
      note(["answers are missing"], { rest, answers: answers.length, next });
    }
    for (const [at, answer] of answers.entries()) {
      const asked = filled[at];
      if (asked === undefined) continue;
      answered.generated += 1;
      tell(asked.endpoint, answer);
      note(
        problemsOf(answer, {
          token: asked.token,
          origins,
          isHead: asked.method === "HEAD",
          excused: excusedFor(asked),
        }),
        { asked: asked.text, answer },
      );
    }
  }

  async function sendRaw(
    { requests, end }: FuzzConnection,
    token: string,
    state: FuzzState,
  ): Promise<void> {
    const text = state.filled(requests.join(""), token);
    const then = { after: requests.length, text: state.filled(end, token) };
    const { answers, isClosed } = await pipelined(url, text, {
      silence: 2_000,
      then,
    });
    answered.connections += 1;
    if (!isClosed) answered.silent += 1;
    for (const answer of answers) {
      answered.raw += 1;
      tell("raw", answer);
      note(problemsOf(answer, { token, origins }), {
        asked: [text, then.text],
        answer,
      });
    }
  }

  async function leave(state: FuzzState): Promise<void> {
    const line = state.filled("Cookie: session=~session~", "x");
    const { answers, rest } = await pipelined(
      url,
      `GET /session/events HTTP/1.1\r\nHost: x\r\n${line}\r\n\r\n`,
      { silence: 30_000, isLeft: true },
    );
    // Some of the sessions have been signed out by now.
    if (!rest.startsWith("HTTP/1.1 200") && answers[0]?.status !== 401) {
      note(["no stream"], { answers, rest });
    }
  }

  function tell(endpoint: string, answer: WireAnswer): void {
    const outcomes = seen.get(endpoint) ?? new Map<string, number>();
    seen.set(endpoint, outcomes);
    const outcome = [answer.status, codeOf(answer)].filter(Boolean).join(" ");
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }

  function note(problems: readonly string[], example: unknown): void {
    for (const problem of problems) {
      const known = odd.get(problem);
      if (known) known.count += 1;
      else if (odd.size < MAX_ODD) odd.set(problem, { count: 1, example });
    }
  }
}

/** Some connections at a time, as long as there is a next number. */
async function together(
  next: () => number | undefined,
  connect: (number: number) => Promise<void>,
): Promise<void> {
  const worker = async (): Promise<void> => {
    for (let number = next(); number !== undefined; number = next()) {
      await connect(number);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** What is not the fault of anybody but the provider, which the request makes speak. */
function excusedFor({
  endpoint,
  text,
}: {
  endpoint: string;
  text: string;
}): string[] {
  if (endpoint !== "/callback") return [];
  const isDown = /server_error|temporarily_unavailable/.test(text);
  return [
    "ERR_TOKEN_REQUEST_REJECTED",
    ...(isDown ? ["ERR_PROVIDER_UNAVAILABLE"] : []),
  ];
}
