/** Makes elements; whatever comes from data gets into them as text only. */

/** What stands in an element. */
export type Child = Node | string | undefined;

/** Attributes that are written out; undefined and false leave one out. */
type Attributes = Readonly<Record<string, string | boolean | undefined>>;

/** Makes an element with these attributes and this content. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  element.append(...present(children));
  return element;
}

/** Sets attributes, and takes away those that are undefined or false. */
export function setAttributes(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : value);
  }
}

/** Makes a button that does this. */
export function makeButton(
  attributes: Attributes,
  onClick: () => void,
  ...children: readonly Child[]
): HTMLButtonElement {
  const button = make("button", { type: "button", ...attributes }, ...children);
  button.addEventListener("click", onClick);
  return button;
}

/**
 * Makes these the children. Those that are in their place stay untouched: what is
 * moved loses the focus, and a click that is on its way.
 */
export function arrange(parent: Element, nodes: readonly Node[]): void {
  for (const child of [...parent.childNodes]) {
    if (!nodes.includes(child)) child.remove();
  }
  nodes.forEach((node, index) => {
    const there = parent.childNodes[index];
    if (there !== node) parent.insertBefore(node, there ?? null);
  });
}

/** Words that only a screen reader says. */
export function spoken(text: string): HTMLElement {
  return make("span", { class: "spoken" }, text);
}

/**
 * Replaces the content. A control with `data-key` that has the focus keeps it if
 * the new content has one with the same key, and what was unfolded stays so.
 */
export function replaceContent(
  element: Element,
  ...children: readonly Child[]
): void {
  const root = element.getRootNode() as Document | ShadowRoot;
  const focused = root.activeElement;
  const key =
    focused !== null && element.contains(focused)
      ? focused.getAttribute("data-key")
      : null;
  const unfolded = [...element.querySelectorAll("details[open][data-key]")].map(
    (details) => details.getAttribute("data-key"),
  );
  element.replaceChildren(...present(children));
  for (const candidate of element.querySelectorAll<HTMLElement>("[data-key]")) {
    const name = candidate.getAttribute("data-key");
    if (candidate instanceof HTMLDetailsElement) {
      candidate.open ||= unfolded.includes(name);
    } else if (name === key) {
      candidate.focus();
    }
  }
}

function present(children: readonly Child[]): (Node | string)[] {
  return children.filter((child) => child !== undefined);
}
