// Nodes of the page: made by name and text only, never from markup.

const SVG_SPACE = "http://www.w3.org/2000/svg";

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * Give a node its attributes: `on` holds listeners, `text` its words, true an empty attribute.
 * @param {Element} node
 * @param {Object<string, any>} attributes
 */
export function setAll(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else if (name === "text") node.textContent = value;
    else if (name === "value") /** @type {any} */ (node).value = value;
    else if (value === false || value === null || value === undefined) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Words of a node; the same again cost the browser no new layout. @param {Element} node @param {string} words */
export function setText(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

/**
 * An HTML element.
 * @param {string} tag
 * @param {Object<string, any>} [attributes]
 * @param {...Child} children
 * @returns {any}
 */
export function html(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  setAll(node, attributes);
  node.append(...children.filter((child) => child || child === ""));
  return node;
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Object<string, any>} [attributes]
 * @param {...Child} children
 * @returns {any}
 */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG_SPACE, tag);
  setAll(node, attributes);
  node.append(...children.filter((child) => child || child === ""));
  return node;
}

/**
 * A button with words, or with a sign and a name.
 * @param {string} words
 * @param {() => void} act
 * @param {Object<string, any>} [attributes]
 */
export function button(words, act, attributes = {}) {
  return html("button", { type: "button", text: words, on: { click: act }, ...attributes });
}

/**
 * A labelled field: the label holds the words and the control.
 * @param {string} words
 * @param {Node} control
 * @param {string} [className]
 */
export function labelled(words, control, className = "field") {
  return html("label", { class: className }, html("span", { text: words }), control);
}

/**
 * The least that says a number: six digits.
 * @param {number | null | undefined} value
 */
export function shortNumber(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "";
  return String(Number(value.toPrecision(6)));
}

/**
 * A number for an axis or a label: four digits, thousands by letters.
 * @param {number} value
 */
export function briefNumber(value) {
  if (!Number.isFinite(value)) return "";
  const size = Math.abs(value);
  for (const [least, letter] of /** @type {[number, string][]} */ ([[1e9, "G"], [1e6, "M"], [1e4, "k"]])) {
    const unit = letter === "k" ? 1e3 : least;
    if (size >= least) return `${Number((value / unit).toPrecision(4))}${letter}`;
  }
  return String(Number(value.toPrecision(4)));
}

/**
 * One name for all spellings of a variable.
 * @param {string} name
 */
export function canonicalName(name) {
  const bare = name.trim().replace(/^"(.*)"$/s, "$1");
  return bare.replace(/\\n/g, " ").replace(/[\s_]+/g, " ").trim().toLowerCase();
}

/**
 * "1 link", "2 links".
 * @param {number} count
 * @param {string} word
 */
export function counted(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/**
 * Whether keys typed there are text.
 * @param {EventTarget | null} target
 */
export function takesText(target) {
  const node = /** @type {any} */ (target);
  if (!node?.matches) return false;
  return node.matches("textarea, select, input:not([type=checkbox]):not([type=range]):not([type=radio])");
}
