/** What the kit's pages say beside their failures, by key. */

const rows = {
  "action.back": "Back to the application",
  "action.continue": "Continue",
  "action.drop-form": "Do not send it",
  "action.send-form": "Send it now",
  "action.sign-in": "Sign in",
  "action.sign-in-again": "Sign in again",
  "action.sign-in-as-other": "Sign in as somebody else",
  "action.sign-out": "Sign out",
  "action.stay-signed-in": "Stay signed in",
  "action.try-again": "Try again",
  "kept-form.fields": "Its fields:",
  "kept-form.no-fields": "It has no fields.",
  "kept-form.signed-in-as": "You are signed in as",
  "kept-form.text":
    "Before that you filled in a form, and it was not sent. It is for this address:",
  "kept-form.title": "Send what you filled in?",
  "login-done.text": "The page that opened it goes on.",
  "login-done.title": "You can close this window",
  "provider-choice.text": "Where do you have your account?",
  "provider-choice.title": "Sign in",
  "sign-in-first.text":
    "What you filled in is kept. You can send it when you have signed in.",
  "sign-in-first.title": "Please sign in",
  "sign-out.text": "You will be signed out here and at the provider.",
  "sign-out.title": "Sign out?",
  "signing-out.text": "You are signed out here. The provider comes next.",
  "signing-out.title": "Signing out",
};

/** The name of a text on a page of the kit. */
export type PageTextKey = keyof typeof rows;

/** The English texts. Add one here, and a page may say it. */
export const pageTexts: Readonly<Record<PageTextKey, string>> = rows;
