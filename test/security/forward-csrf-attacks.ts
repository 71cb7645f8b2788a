/** What a page can do to have the browser send requests to `forward`. */

/** What a page does; `%s` is a forwarded address. */
export interface Attack {
  readonly html: string;
  /** Of the requests that come of it where no preflight comes first. */
  readonly methods: readonly string[];
  /** What the page's visitor clicks. */
  readonly click?: string;
  /** Whether other origins have to ask with OPTIONS first. Default false. */
  readonly isPreflighted?: boolean;
  /** Whether the browser sends no cookie even within the site. Default false. */
  readonly isWithoutCookie?: boolean;
  /** What the browser says of where it comes from, if that is not where the page is. */
  readonly site?: string | undefined;
  /** Whether Chromium does not do it for a page of another site. Default false. */
  readonly isSameSiteOnly?: boolean;
}

const script = (code: string): string => `<script>${code}</script>`;
const form = (attributes: string): string =>
  `<form action="%s" ${attributes}><input name="item" value="tea"></form>${script("document.forms[0].submit()")}`;
const frame = (attributes: string, html: string): string =>
  `<iframe ${attributes} srcdoc='${html}'></iframe>`;
const speculation = (kind: "prefetch" | "prerender"): string =>
  `<script type="speculationrules">{ "${kind}": [{ "urls": ["%s"], "eagerness": "immediate" }] }</script>`;
const get = (html: string): Attack => ({ html, methods: ["GET"] });
const post = (html: string): Attack => ({ html, methods: ["POST"] });

/** By method, what a fetch needs no preflight for; then what it does. */
const SIMPLE = [
  ["GET", ""],
  ["HEAD", ""],
  ["POST", ""],
  ["POST", `body: "{}", headers: { "content-type": "text/plain" }`],
  ["POST", `body: new URLSearchParams("item=tea")`],
  ["POST", `body: new FormData()`],
] as const;
const NOT_SIMPLE = [
  ["PUT", `body: "tea"`],
  ["PATCH", `body: "tea"`],
  ["DELETE", ""],
  ["POST", `body: "{}", headers: { "content-type": "application/json" }`],
  ["GET", `headers: { "x-csrf-protection": "1" }`],
  ["POST", `headers: { "x-csrf-protection": "1" }`],
] as const;

/** Fetches one after the other, whatever becomes of them. */
function fetches(
  common: string,
  requests: readonly (readonly [method: string, init: string])[],
): Attack {
  const inits = requests.map(
    ([method, init]) => `{ method: "${method}", ${common}, ${init} }`,
  );
  return {
    html: script(`(async () => {
      for (const init of [${inits.join()}])
        await fetch("%s", init).catch(() => undefined);
    })()`),
    methods: requests.map(([method]) => method),
  };
}

/** By what they are, as a title says it. */
export const attacks: Record<string, Attack> = {
  "a form by GET": get(form("")),
  "a form by POST": post(form(`method="post"`)),
  "a form of text/plain": post(form(`method="post" enctype="text/plain"`)),
  "a multipart form": post(form(`method="post" enctype="multipart/form-data"`)),
  "a form that hides its page": post(
    `<meta name="referrer" content="no-referrer">${form(`method="post"`)}`,
  ),
  "a form in a frame": post(frame("", form(`method="post"`))),
  "a form in a sandboxed frame": {
    ...post(
      frame(`sandbox="allow-scripts allow-forms"`, form(`method="post"`)),
    ),
    isWithoutCookie: true,
    site: "cross-site",
  },
  "a link that is clicked": { ...get(`<a href="%s">Kittens</a>`), click: "a" },
  "the ping of a link that is clicked": {
    ...post(`<a href="#" ping="%s">Kittens</a>`),
    click: "a",
  },
  "a page that leads on": get(`<meta http-equiv="refresh" content="0;url=%s">`),
  "a new window": get(script(`open("%s")`)),
  "a new window without opener": get(script(`open("%s", "", "noopener")`)),
  "an image": get(`<img src="%s">`),
  "a script": get(`<script src="%s"></script>`),
  "a script of a worker": get(
    script(
      `new Worker(URL.createObjectURL(new Blob(['importScripts("%s")'])))`,
    ),
  ),
  "a style sheet": get(`<link rel="stylesheet" href="%s">`),
  "a background": get(`<body style="background: url(%s)">`),
  "a frame": get(`<iframe src="%s"></iframe>`),
  "a sandboxed frame": get(`<iframe sandbox src="%s"></iframe>`),
  "an object": get(`<object data="%s"></object>`),
  "an embed": get(`<embed src="%s">`),
  "a video": get(`<video src="%s"></video>`),
  "a prefetch": get(`<link rel="prefetch" href="%s">`),
  "a preload with credentials": get(
    `<link rel="preload" as="fetch" crossorigin="use-credentials" href="%s">`,
  ),
  // Chromium says "none" of these, as if the user had typed the address.
  "a prefetch by speculation rules": {
    ...get(speculation("prefetch")),
    site: "none",
    isSameSiteOnly: true,
  },
  "a prerendering by speculation rules": {
    ...get(speculation("prerender")),
    site: "none",
    isSameSiteOnly: true,
  },
  "an EventSource with credentials": get(
    script(`new EventSource("%s", { withCredentials: true })`),
  ),
  "a WebSocket": {
    ...get(
      script(`const webSocket = new WebSocket("%s".replace("/api", "/api/live"));
        webSocket.onopen = () => webSocket.close();`),
    ),
    site: undefined,
  },
  "a beacon": post(script(`navigator.sendBeacon("%s", "tea")`)),
  "a beacon of text/plain": post(
    script(
      `navigator.sendBeacon("%s", new Blob(["{}"], { type: "text/plain" }))`,
    ),
  ),
  "a beacon of application/json": {
    ...post(
      script(
        `navigator.sendBeacon("%s", new Blob(["{}"], { type: "application/json" }))`,
      ),
    ),
    isPreflighted: true,
  },
  "an XMLHttpRequest with credentials": post(
    script(`const request = new XMLHttpRequest();
      request.open("POST", "%s");
      request.withCredentials = true;
      request.send("tea");`),
  ),
  "fetch with credentials": fetches(`credentials: "include"`, SIMPLE),
  "fetch without credentials": {
    ...fetches(`credentials: "omit"`, SIMPLE),
    isWithoutCookie: true,
  },
  "fetch with credentials that wants no answer": fetches(
    `mode: "no-cors", credentials: "include"`,
    SIMPLE,
  ),
  "fetch without credentials that wants no answer": {
    ...fetches(`mode: "no-cors", credentials: "omit"`, SIMPLE),
    isWithoutCookie: true,
  },
  "fetch with credentials, of more than a form could send": {
    ...fetches(`credentials: "include"`, NOT_SIMPLE),
    isPreflighted: true,
  },
  "fetch without credentials, of more than a form could send": {
    ...fetches(`credentials: "omit"`, NOT_SIMPLE),
    isPreflighted: true,
    isWithoutCookie: true,
  },
};
