/** Notices on a page that its login will end soon, and extends it. */

/** What a page wants to be told of its login. */
export interface WatchOptions {
  /** Called when the login ends within `expiringSeconds` if nobody uses it. */
  readonly onExpiring?: (expiring: Expiring) => void;
  /** Called after `onExpiring` when the login lives longer again: it was extended, or used by another page. */
  readonly onExtended?: (expiring: Expiring) => void;
  /** How long before its end a login counts as expiring. Seconds, default 120. */
  readonly expiringSeconds?: number;
}

/** A login that ends. */
export interface Expiring {
  readonly secondsLeft: number;
  /** True: it ends because nobody uses it, and `extend()` helps. False: its time is over whatever is done, and only a new login helps. */
  readonly canExtend: boolean;
}

/** What the pages of an origin tell each other of their logins. */
export const CHANNEL = "login-kit";

/** How often is asked whether somebody has used a login that ends soon, and after an answer that said nothing. */
const LOOK_EVERY_MS = 5000;

/** Longest time that a timer of a browser takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What the kit says of a login. */
interface Status {
  readonly active?: boolean;
  readonly seconds_left?: number;
  readonly absolute_seconds_left?: number;
}

/**
 * Calls `onExpiring` when the login ends within `expiringSeconds`, and
 * `onExtended` when that is over, because this page or another one was used.
 * Looking is no use of the login.
 *
 * @param session path of the session status
 * @returns ends it
 */
export function watchExpiry(
  session: string,
  { onExpiring, onExtended, expiringSeconds = 120 }: WatchOptions,
): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isNear = false;
  let isStopped = false;
  const look = async (): Promise<void> => {
    const status = await statusOf(fetch(session));
    // What ends the login is told by the event stream.
    if (isStopped || status.active === false) return;
    const {
      seconds_left: left = Infinity,
      absolute_seconds_left: most = left,
    } = status;
    const wasNear = isNear;
    if (status.active) isNear = left <= expiringSeconds;
    const expiring: Expiring = { secondsLeft: left, canExtend: left < most };
    if (isNear && !wasNear) onExpiring?.(expiring);
    if (wasNear && !isNear) onExtended?.(expiring);
    clearTimeout(timer);
    timer = setTimeout(
      () => void look(),
      isNear || !status.active
        ? LOOK_EVERY_MS
        : Math.min((left - expiringSeconds) * 1000, MAX_TIMER_MS),
    );
  };
  channel.onmessage = () => void look();
  void look();
  return () => {
    isStopped = true;
    clearTimeout(timer);
    channel.close();
  };
}

/**
 * Extends the login.
 *
 * @param session path of the session status
 * @param isUser whether the user has just done something; undefined: the browser does not say
 * @returns how many seconds are left
 */
export async function extend(
  session: string,
  isUser: boolean | undefined,
): Promise<number> {
  if (isUser === false) {
    throw new DOMException(
      "extend() is for the user's own doing, such as a click on “stay signed in”; a page that extends its login by itself has none that ends",
      "NotAllowedError",
    );
  }
  const answer = await fetch(session, {
    method: "POST",
    headers: { "x-csrf-protection": "1" },
  });
  if (!answer.ok && answer.status !== 401) {
    throw new Error(`the login was not extended: ${String(answer.status)}`);
  }
  tellOthers();
  return (await statusOf(answer)).seconds_left ?? 0;
}

/** What an answer says; nothing where it breaks off. */
export async function statusOf(
  answer: Response | Promise<Response>,
): Promise<Status> {
  try {
    return { ...((await (await answer).json()) as Status) };
  } catch {
    return {};
  }
}

function tellOthers(): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage("changed");
  channel.close();
}
