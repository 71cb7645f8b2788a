/** Connections that stay open: streams of server-sent events, and WebSockets. */
import { once } from "node:events";

import { WebSocket } from "ws";

import type { TestBrowser } from "./test-browser.js";

/** A stream that a page listens to. */
export interface LiveStream {
  readonly response: Response;
  readonly isOpen: () => boolean;
  /** What came so far. */
  readonly text: () => string;
  /** Resolves when the server has ended it, rejects when it broke off. */
  readonly ended: Promise<void>;
  /** Leaves the page. */
  readonly abort: () => void;
}

/** Opens a stream as a script of the page would, and waits for its beginning. */
export async function openStream(
  browser: TestBrowser,
  url: string,
): Promise<LiveStream> {
  const aborted = new AbortController();
  const response = await browser.fetchJson(url, { signal: aborted.signal });
  if (response.status !== 200 || response.body === null) {
    throw new Error(`no stream: ${response.status} ${await response.text()}`);
  }
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let isOpen = true;
  const read = async (): Promise<boolean> => {
    const { value, done } = (await reader.read()) as {
      value?: Uint8Array;
      done: boolean;
    };
    text += decoder.decode(value, { stream: true });
    return !done;
  };
  await read();
  const ended = (async () => {
    try {
      while (await read());
    } finally {
      isOpen = false;
    }
  })();
  // A test that leaves the page does not ask how the stream ended.
  ended.catch(() => undefined);
  return {
    response,
    isOpen: () => isOpen,
    text: () => text,
    ended,
    abort: () => {
      aborted.abort();
    },
  };
}

/** A WebSocket of a page. */
export interface LiveSocket {
  readonly isOpen: () => boolean;
  /** Sends a text and waits for one. */
  readonly echo: (text: string) => Promise<string>;
  readonly ended: Promise<{ readonly code: number }>;
  readonly terminate: () => void;
}

/** Opens a WebSocket as a script of the page would. */
export async function openSocket(
  browser: TestBrowser,
  url: string,
): Promise<LiveSocket> {
  const { origin } = new URL(url);
  const webSocket = new WebSocket(url.replace(/^http/, "ws"), {
    origin,
    headers: { cookie: await browser.jar.getCookieString(url) },
  });
  const ended = new Promise<{ code: number }>((resolve) => {
    webSocket.once("close", (code) => {
      resolve({ code });
    });
  });
  await once(webSocket, "open");
  return {
    isOpen: () => webSocket.readyState === WebSocket.OPEN,
    async echo(text) {
      const message = once(webSocket, "message");
      webSocket.send(text);
      return String((await message)[0]);
    },
    ended,
    terminate: () => {
      webSocket.terminate();
    },
  };
}
