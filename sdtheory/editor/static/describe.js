// What a reader of the screen hears of an element.

import { counted, shortNumber } from "./dom.js";
import { issuesOf } from "./store.js";

/** @type {Object<string, string>} */
const KIND_WORDS = {
  stock: "stock", flow: "flow", auxiliary: "variable", constant: "constant", lookup: "lookup", cloud: "cloud",
  connector: "link", alias: "alias of", text: "note", group: "group", module: "module", other: "unknown object",
};

/**
 * Name of an element: kind, name, value, units, links, errors.
 * @param {import("./store.js").Store} store
 * @param {any} element
 */
export function describeElement(store, element) {
  if (element.kind === "connector") return describeLink(store, element);
  if (element.kind === "cloud") return `cloud of ${nameOfFlow(store, element.id) || "no flow"}`;
  const variable = store.variable(element.variable);
  const kind = element.kind === "auxiliary" && variable ? KIND_WORDS[variable.kind] ?? "variable" : KIND_WORDS[element.kind];
  const parts = [`${kind} ${element.variable || element.text}`];
  if (!variable) return parts[0];
  if (variable.value !== null && variable.value !== undefined) parts.push(`${shortNumber(variable.value)} ${variable.units}`.trim());
  else if (variable.units) parts.push(variable.units);
  if (element.kind === "stock") {
    parts.push(counted(variable.inflows.length, "inflow"), counted(variable.outflows.length, "outflow"));
  } else if (element.kind === "flow") {
    parts.push(`from ${endWords(store, element.source)} to ${endWords(store, element.target)}`);
  }
  parts.push(`${counted(variable.inputs.length, "link")} in`, `${variable.uses.length} out`);
  if (variable.subscripts) parts.push(`by ${variable.subscripts}`);
  const issues = issuesOf(store, variable.name).filter((issue) => issue.severity !== "note");
  const errors = issues.filter((issue) => issue.severity === "error").length;
  if (errors) parts.push(counted(errors, "error"));
  if (issues.length > errors) parts.push(counted(issues.length - errors, "warning"));
  return parts.join(", ");
}

/** @param {import("./store.js").Store} store @param {any} link */
function describeLink(store, link) {
  const signs = /** @type {Object<string, string>} */ ({ "+": ", positive", "-": ", negative", "?": ", polarity unknown" });
  const words = `link from ${endWords(store, link.source)} to ${endWords(store, link.target)}`;
  return words + (signs[link.polarity] ?? "") + (link.delay ? ", delayed" : "") + (link.line_style === "dashed" ? ", dashed" : "");
}

/** @param {import("./store.js").Store} store @param {string | null} id */
export function endWords(store, id) {
  const end = id ? store.elements.get(id) : null;
  if (!end) return id && !id.includes(":") ? id : "nothing";
  return end.variable || end.text || end.kind;
}

/** @param {import("./store.js").Store} store @param {string} id */
function nameOfFlow(store, id) {
  for (const element of store.elements.values()) {
    if (element.kind === "flow" && (element.source === id || element.target === id)) return element.variable;
  }
  return "";
}
