/** Waits on a page for a sign-in that goes on in a window of its own. */
import { CHANNEL, statusOf } from "./expiring.js";

/** What a window that closes has sent arrives within this time. */
const LAST_WORDS_MS = 1000;

/**
 * Resolves with whether there is a login: when the kit's last page in that
 * window says so, or when the user is back here without one.
 *
 * The window itself tells little: a `Cross-Origin-Opener-Policy` of the provider
 * or the application cuts it off, and then it counts as closed from there on.
 *
 * @param opened null: the browser has opened none
 * @param session path of the session status
 * @param isBack whether the user has come back here before this file was loaded
 */
export async function signInEnds(
  opened: Window | null,
  session: string,
  isBack: boolean,
): Promise<boolean> {
  if (opened === null) {
    throw new DOMException(
      "the browser has opened no window; call signIn() in the handler of a click, or without popup",
      "PopupBlockedError",
    );
  }
  const isActive = async (): Promise<boolean> =>
    (await statusOf(fetch(session))).active === true;
  return new Promise((resolve) => {
    const channel = new BroadcastChannel(CHANNEL);
    const end = (active: boolean): void => {
      channel.close();
      removeEventListener("focus", cameBack);
      resolve(active);
    };
    const endIfActive = async (): Promise<void> => {
      if (await isActive()) end(true);
    };
    const cameBack = (): void => {
      setTimeout(() => {
        if (opened.closed) void isActive().then(end);
      }, LAST_WORDS_MS);
    };
    channel.onmessage = () => void endIfActive();
    addEventListener("focus", cameBack);
    // It may have been quicker than the loading of this file.
    if (isBack) cameBack();
    else if (opened.closed) void endIfActive();
  });
}
