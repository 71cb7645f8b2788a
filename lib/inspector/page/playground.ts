/** The playground: builds an Authentication Request, explains its URL, and sends it. */
import type { Offer, Preview, Supported } from "../playground-model.js";
import { make, replaceContent, type Child } from "./elements.js";
import { fieldsView } from "./message-view.js";
import { requestFields, type RequestField } from "./request-fields.js";
import { urlView } from "./value-view.js";

/** Why it makes nothing of a request. */
interface Refusal {
  readonly problems?: readonly string[];
  readonly detail?: string;
}

/** A pause in typing after which the URL is built again. */
const PAUSE_MS = 200;

/** The playground's page. */
export class Playground {
  readonly element = make("section", { class: "playground" });
  readonly #base: string;
  readonly #form = make("form", { method: "post", class: "request" });
  readonly #request = make("input", { type: "hidden", name: "request" });
  readonly #problems = make("div", { role: "alert", class: "problems" });
  readonly #preview = make("section", {
    class: "preview",
    "aria-label": "The request",
  });
  readonly #stale = make(
    "p",
    { class: "stale" },
    "This is the request before: what the form says now cannot be sent.",
  );
  #fields: readonly RequestField[] = [];
  #provider: string | undefined;
  #isPushed: (() => boolean) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Only the answer to the last question counts. */
  #asked = 0;

  constructor(base: string) {
    this.#base = base;
    this.#form.action = `${base}/playground/run`;
    this.#form.noValidate = true;
    this.#form.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.#build(), PAUSE_MS);
    });
    this.#form.addEventListener("submit", () => {
      this.#request.value = JSON.stringify(this.#read());
    });
    this.element.append(this.#form, this.#preview);
  }

  /** Asks what the provider supports, and draws the form. */
  async load(): Promise<void> {
    const query =
      this.#provider === undefined
        ? ""
        : `?provider=${encodeURIComponent(this.#provider)}`;
    try {
      const answer = await fetch(`${this.#base}/playground${query}`);
      if (!answer.ok) throw new Error(String(answer.status));
      this.#draw((await answer.json()) as Offer);
    } catch {
      replaceContent(
        this.#form,
        make(
          "p",
          {},
          "The provider's metadata is not there yet. Look again in a moment.",
        ),
      );
      return;
    }
    await this.#build();
  }

  #draw({ provider, providers, defaults, supported }: Offer): void {
    const { fields, absent } = requestFields(supported, defaults);
    this.#fields = fields;
    const pushed = pushedBox(supported.pushedRequests);
    this.#isPushed = pushed.isPushed;
    replaceContent(
      this.#form,
      make("h2", {}, "Build an Authentication Request"),
      make(
        "p",
        { class: "explained" },
        "What the application asks of ",
        make("code", {}, provider.issuer),
        ". Offered is what the provider's metadata supports.",
      ),
      this.#providerSelect(providers),
      ...fields.map(({ element }) => element),
      pushed.element,
      absentView(absent),
      this.#request,
      this.#problems,
      make("button", { type: "submit", class: "primary" }, "Send it"),
    );
  }

  #providerSelect(providers: readonly string[]): Child {
    if (providers.length < 2) return undefined;
    this.#provider ??= providers[0];
    const select = make(
      "select",
      { id: "field-provider" },
      ...providers.map((name) =>
        make(
          "option",
          { value: name, selected: name === this.#provider },
          name,
        ),
      ),
    );
    select.addEventListener("input", (event) => {
      // The fields change with it.
      event.stopPropagation();
      this.#provider = select.value;
      void this.load();
    });
    return make(
      "div",
      { class: "row" },
      make("label", { for: "field-provider" }, "provider"),
      select,
    );
  }

  #read(): object {
    const parameters = Object.fromEntries(
      this.#fields
        .map((field) => [field.name, field.value()] as const)
        .filter(([, value]) => value !== ""),
    );
    return {
      ...(this.#provider === undefined ? {} : { provider: this.#provider }),
      parameters,
      ...(this.#isPushed === undefined ? {} : { pushed: this.#isPushed() }),
    };
  }

  async #build(): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    const answer = await fetch(`${this.#base}/playground/preview`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(this.#read()),
    }).catch(() => undefined);
    const said: unknown = await answer?.json().catch(() => undefined);
    if (asked !== this.#asked) return;
    const { problems, detail } = (said ?? {}) as Refusal;
    if (answer?.ok === true && problems === undefined) {
      this.#showProblems([]);
      this.#showPreview(said as Preview);
    } else {
      this.#showProblems(
        problems ?? [detail ?? "The application does not answer."],
      );
    }
  }

  /** Each problem at the first field that it names; the others before the button. */
  #showProblems(problems: readonly string[]): void {
    const left = new Set(problems);
    for (const field of this.#fields) {
      const own = [...left].filter((problem) =>
        namesField(problem, field.name),
      );
      field.setProblem(own.length > 0 ? own.join(" ") : undefined);
      for (const problem of own) left.delete(problem);
    }
    replaceContent(
      this.#problems,
      ...[...left].map((problem) => make("p", { class: "problem" }, problem)),
    );
    this.#stale.hidden = problems.length === 0;
  }

  #showPreview({ url, fields, notes }: Preview): void {
    replaceContent(
      this.#preview,
      make("h2", {}, "The request, as the browser carries it"),
      this.#stale,
      urlView(url, fields),
      ...notes.map((note) => make("p", { class: "note" }, note)),
      fieldsView("Each part, explained", fields, undefined, "h3"),
    );
  }
}

/** Whether a problem is about this parameter: by its name, or by that of the kit's option. */
function namesField(problem: string, name: string): boolean {
  const option = name.replace(/_(\w)/g, (_all, letter: string) =>
    letter.toUpperCase(),
  );
  return new RegExp(`\\b(?:${name}\\b|${option}(?![a-z]))`).test(problem);
}

function pushedBox(pushed: Supported["pushedRequests"]): {
  readonly element: HTMLElement;
  readonly isPushed: (() => boolean) | undefined;
} {
  const box = make("input", {
    type: "checkbox",
    checked: pushed !== "none",
    disabled: pushed !== "offered",
  });
  const reason = {
    required:
      "The provider takes no other requests, or the option pushedAuthorizationRequests is always.",
    offered:
      "The application sends it straight to the provider; the browser carries only a reference to it (RFC 9126).",
    none: "The provider's metadata names no pushed_authorization_request_endpoint, or the option pushedAuthorizationRequests is never.",
  }[pushed];
  return {
    element: make(
      "fieldset",
      {},
      make("legend", {}, "Pushed Authorization Request"),
      make("label", { class: "choice" }, box, "push the request"),
      make("p", { class: "explained" }, reason),
    ),
    isPushed: pushed === "none" ? undefined : () => box.checked,
  };
}

function absentView(absent: readonly (readonly [string, string])[]): Child {
  if (absent.length === 0) return undefined;
  return make(
    "div",
    { class: "absent" },
    make("h3", {}, "Not offered"),
    make(
      "dl",
      {},
      ...absent.map(([name, reason]) =>
        make(
          "div",
          {},
          make("dt", {}, make("code", {}, name)),
          make("dd", {}, reason),
        ),
      ),
    ),
  );
}
