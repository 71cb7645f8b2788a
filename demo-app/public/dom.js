// Makes elements, and words for what the inspector knows. Text is only ever set as text.
/* global document */

export function element(name, properties = {}, children = []) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

/** A value of the inspector: itself, or of a secret its fingerprint. */
export function shown(value) {
  return typeof value === "string" ? value : `#${value.fingerprint}`;
}

/** Milliseconds as a person reads them. */
export function duration(milliseconds) {
  return milliseconds < 1000
    ? `${Math.round(milliseconds)} ms`
    : `${(milliseconds / 1000).toFixed(1)} s`;
}
