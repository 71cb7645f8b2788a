/** The fields of an Authentication Request that a provider can be asked with. */
import type { Supported } from "../playground-model.js";
import { make, makeButton, setAttributes, type Child } from "./elements.js";

/** One parameter in the form. */
export interface RequestField {
  readonly name: string;
  readonly element: HTMLElement;
  /** Empty: it is left out. */
  readonly value: () => string;
  readonly setProblem: (problem: string | undefined) => void;
}

/** What each parameter is for, in the order in which they are asked for. */
const TEXTS = {
  scope: "What the application may know and do.",
  prompt: "Whether the Auth Server has to ask the user, and what.",
  max_age:
    "How many seconds ago the user may have signed in at most; 0 asks for the password now.",
  acr_values: "How strongly the user has to be authenticated.",
  login_hint: "Who is going to sign in, as far as it is known.",
  ui_locales: "The languages of the pages, the preferred one first.",
  response_mode: "How the browser brings the answer back.",
  claims: "Single claims that are asked for, as JSON.",
  resource: "The API for which the access token is.",
} as const;

/** Why a parameter is not offered; undefined: it is. */
function reasonAgainst(
  name: keyof typeof TEXTS,
  supported: Supported,
): string | undefined {
  const missing: Partial<
    Record<keyof typeof TEXTS, readonly [readonly string[], string]>
  > = {
    acr_values: [supported.acrValues, "names no acr_values_supported"],
    ui_locales: [supported.uiLocales, "names no ui_locales_supported"],
    response_mode: [
      supported.responseModes,
      "names no response_modes_supported",
    ],
    prompt: [supported.prompts, "names no prompt_values_supported"],
  };
  const [values, reason] = missing[name] ?? [];
  if (values?.length === 0) return `The provider's metadata ${reason ?? ""}.`;
  if (name === "claims" && !supported.claimsParameter) {
    return "The provider's metadata does not say claims_parameter_supported: true.";
  }
  if (name === "resource" && supported.resources.length === 0) {
    return "The option resourceServers names no resource.";
  }
  return undefined;
}

/** The fields, and the parameters that cannot be asked for with the reason. */
export function requestFields(
  supported: Supported,
  defaults: Readonly<Record<string, string>>,
): {
  readonly fields: readonly RequestField[];
  readonly absent: readonly (readonly [string, string])[];
} {
  const absent: [string, string][] = [];
  const fields: RequestField[] = [];
  for (const name of Object.keys(TEXTS) as (keyof typeof TEXTS)[]) {
    const reason = reasonAgainst(name, supported);
    if (reason === undefined) {
      fields.push(fieldFor(name, supported, defaults[name] ?? ""));
    } else absent.push([name, reason]);
  }
  return { fields, absent };
}

function fieldFor(
  name: keyof typeof TEXTS,
  supported: Supported,
  initial: string,
): RequestField {
  switch (name) {
    case "scope":
      return choices(name, supported.scopes, initial, ["openid"]);
    case "prompt":
      return choices(name, supported.prompts, initial);
    case "acr_values":
      return choices(name, supported.acrValues, initial);
    case "ui_locales":
      return choices(name, supported.uiLocales, initial);
    case "response_mode":
      return oneOf(name, supported.responseModes, initial);
    case "resource":
      return oneOf(name, supported.resources, initial);
    case "claims":
      return claimsField(supported.claims, initial);
    case "max_age":
      return textField(name, initial, {
        inputmode: "numeric",
        placeholder: "3600",
      });
    case "login_hint":
      return textField(name, initial, { placeholder: "alice@example.com" });
  }
}

/** Several of these, joined by spaces. */
function choices(
  name: keyof typeof TEXTS,
  values: readonly string[],
  initial: string,
  always: readonly string[] = [],
): RequestField {
  const chosen = initial.split(" ").filter(Boolean);
  const all = [...new Set([...always, ...chosen, ...values])];
  const boxes = all.map((value) =>
    make("input", {
      type: "checkbox",
      value,
      checked: chosen.includes(value) || always.includes(value),
      disabled: always.includes(value),
    }),
  );
  const labels = boxes.map((box) =>
    make("label", { class: "choice" }, box, make("code", {}, box.value)),
  );
  return {
    name,
    ...framed(name, make("div", { class: "choices" }, ...labels), boxes),
    value: () =>
      boxes
        .filter(({ checked }) => checked)
        .map(({ value }) => value)
        .join(" "),
  };
}

function oneOf(
  name: keyof typeof TEXTS,
  values: readonly string[],
  initial: string,
): RequestField {
  const select = make(
    "select",
    { id: `field-${name}` },
    make("option", { value: "" }, "leave it out"),
    ...values.map((value) =>
      make("option", { value, selected: value === initial }, value),
    ),
  );
  return { name, ...framed(name, select, [select]), value: () => select.value };
}

function textField(
  name: keyof typeof TEXTS,
  initial: string,
  attributes: Readonly<Record<string, string>>,
): RequestField {
  const input = make("input", {
    id: `field-${name}`,
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    value: initial,
    ...attributes,
  });
  return {
    name,
    ...framed(name, input, [input]),
    value: () => input.value.trim(),
  };
}

function claimsField(claims: readonly string[], initial: string): RequestField {
  const area = make("textarea", {
    id: "field-claims",
    rows: "3",
    spellcheck: "false",
    placeholder: '{"id_token":{"email":null}}',
  });
  area.value = initial;
  const adding = claims.map((claim) =>
    makeButton(
      { class: "chip", "aria-label": `Add the claim ${claim} to the ID Token` },
      () => {
        area.value = withClaim(area.value, claim);
        area.dispatchEvent(new Event("input", { bubbles: true }));
      },
      `+ ${claim}`,
    ),
  );
  const control = make(
    "div",
    {},
    area,
    make("div", { class: "chips" }, ...adding),
  );
  return {
    name: "claims",
    ...framed("claims", control, [area]),
    value: () => area.value.trim(),
  };
}

/** The parameter `claims` with one more claim for the ID Token; unchanged where it is no JSON. */
function withClaim(text: string, claim: string): string {
  try {
    const asked = JSON.parse(text.trim() || "{}") as {
      readonly id_token?: Readonly<Record<string, unknown>>;
    };
    return JSON.stringify({
      ...asked,
      id_token: { ...asked.id_token, [claim]: null },
    });
  } catch {
    return text;
  }
}

/** A control with its name, what it is for, and a place for what is wrong with it. */
function framed(
  name: keyof typeof TEXTS,
  control: HTMLElement,
  inputs: readonly Element[],
): Pick<RequestField, "element" | "setProblem"> {
  const problem = make("p", { class: "problem", id: `problem-${name}` });
  const described = `text-${name} problem-${name}`;
  const isGroup = inputs.every((input) => input.id === "");
  const text = make(
    "p",
    { class: "explained", id: `text-${name}` },
    TEXTS[name],
  );
  const content: Child[] = [text, control, problem];
  const element = isGroup
    ? make(
        "fieldset",
        { "aria-describedby": described },
        make("legend", {}, name),
        ...content,
      )
    : make(
        "div",
        { class: "row" },
        make("label", { for: `field-${name}` }, name),
        ...content,
      );
  if (!isGroup) {
    for (const input of inputs)
      setAttributes(input, { "aria-describedby": described });
  }
  return {
    element,
    setProblem(words) {
      problem.textContent = words ?? "";
      element.classList.toggle("wrong", words !== undefined);
      for (const input of inputs) {
        setAttributes(input, { "aria-invalid": words !== undefined && "true" });
      }
    },
  };
}
