// The panel of one variable: name, equation, initial value, units, words, range, links, lookup, elements.

import { button, canonicalName, html, labelled, setText, shortNumber } from "./dom.js";
import { makeEquationField } from "./equation.js";
import { makeLinkPanel } from "./linkpanel.js";
import { makeLookup } from "./lookup.js";
import { askRename } from "./rename.js";
import { drawingsOf, issuesOf } from "./store.js";

/** @type {Object<string, string>} */
const KIND_TITLES = { stock: "Stock", flow: "Flow", auxiliary: "Variable", constant: "Constant", lookup: "Lookup", data: "Data", module: "Module" };

/**
 * @param {import("./store.js").Store} store
 * @param {any} diagram
 * @param {any} runs
 */
export function makePanel(store, diagram, runs) {
  /** @type {any} */
  let variable = null;
  let linksShown = "";
  const leave = () => diagram.focusOn(store.focused);
  const act = (/** @type {string} */ op) => async (/** @type {string} */ name, /** @type {string} */ text) => {
    await store.act(op, { name, text });
    store.say(`${op.replace("set_", "").replace("_", " ")} of ${name} set`);
  };
  const equation = makeEquationField(store, { field: "equation", label: "Equation", lines: 2, commit: act("set_equation"), leave });
  const initial = makeEquationField(store, { field: "initial", label: "Initial value", lines: 1, commit: act("set_initial"), leave });
  const units = makeEquationField(store, { field: "units", label: "Units", lines: 1, commit: act("set_units"), leave });
  const nameField = html("input", { class: "name", "aria-label": "Name", autocomplete: "off", spellcheck: "false" });
  const words = html("textarea", { rows: 3, "aria-label": "Documentation" });
  const range = ["low", "high"].map((end) => html("input", { "aria-label": `Range, ${end}`, inputmode: "decimal", class: "number" }));
  const kind = html("span", { class: "kind" });
  const graph = html("div", { class: "own-graph" });
  const linked = html("div", { class: "links" });
  const cells = html("div", { class: "cells" });
  const inside = html("div", { class: "inside" });
  const lookup = makeLookup(store);
  const parts = {
    equation: labelledPart("Equation", equation.node), initial: labelledPart("Initial value", initial.node), units: labelledPart("Units", units.node),
  };
  // what only a variable has, and a module lacks
  const said = html("div", { class: "said" }, parts.initial, parts.equation, cells, parts.units, lookup.node, graph,
    labelled("Documentation", words), html("div", { class: "range" }, html("span", { text: "Range" }), ...range), linked);
  const body = html("div", { class: "variable" }, html("div", { class: "heading" }, kind, nameField), said, inside);
  const empty = html("p", { class: "quiet", text: "Select something in the diagram, or press S, F or A there to add a stock, a flow or a variable." });
  const link = makeLinkPanel(store, leave);
  const node = html("div", { class: "panel-variable" }, empty, body, link.node);

  /** @param {string} title @param {HTMLElement} part */
  function labelledPart(title, part) {
    return html("div", { class: "field" }, html("span", { class: "title", text: title }), part);
  }

  function selected() {
    const element = store.elements.get(store.selection[store.selection.length - 1] ?? "");
    return element?.variable && element.kind !== "connector" ? store.variable(element.variable) : null;
  }

  /** @param {any} next */
  function show(next) {
    const same = variable?.name === next?.name;
    variable = next;
    body.hidden = !next;
    empty.hidden = link.show() || Boolean(next);
    if (!next) return;
    const stock = next.kind === "stock";
    const arrayed = (next.equations ?? []).length > 1;
    setText(kind, (KIND_TITLES[next.kind] ?? next.kind) + (next.subscripts ? ` [${next.subscripts}]` : ""));
    nameField.value = next.name;
    said.hidden = next.kind === "module";
    nameField.readOnly = Boolean(store.scene.read_only) || said.hidden;
    showInside(said.hidden ? next : null);
    if (said.hidden) return;
    const issues = issuesOf(store, next.name).filter((issue) => issue.severity !== "note");
    fill(equation, next.equation, issues.filter((issue) => ["equation", "", null, undefined].includes(issue.field)));
    fill(initial, next.initial ?? "", issues.filter((issue) => issue.field === "initial"));
    fill(units, next.units, issues.filter((issue) => issue.field === "units"));
    parts.equation.hidden = arrayed || (stock && store.scene.format === "xmile");
    setText(parts.equation.firstChild, stock ? "Net flow" : "Equation");
    parts.initial.hidden = !stock || arrayed;
    if (document.activeElement !== words) words.value = next.documentation;
    words.readOnly = nameField.readOnly;
    range.forEach((field, i) => {
      field.value = shortNumber(next.range?.[i]);
      field.readOnly = nameField.readOnly;
    });
    showCells(arrayed ? next.equations : []);
    lookup.show(next);
    showLinks();
    if (!same) runs.showOwn(graph, next.name); // else with the next run
  }

  /** A module's inputs, and the way to what is inside it. @param {any} module */
  function showInside(module) {
    inside.replaceChildren();
    if (!module) return;
    const list = html("ul", { class: "names", "aria-label": "Inputs" });
    for (const { to, from } of module.connections) {
      list.append(html("li", {}, html("span", { text: `${to} from ` }), button(from, () => store.emit("go-to", from), { class: "plain" })));
    }
    inside.append(
      html("div", { class: "linklist" }, html("span", { class: "title", text: `Inputs (${module.connections.length})` }), list),
      html("p", { class: "quiet", text: "A module is shown, and not edited here." }),
      html("div", { class: "buttons" }, button("Open", () => store.emit("open-element", drawingsOf(store, module.name)[0]))),
    );
  }

  /** @param {any} field @param {string} text @param {any[]} issues */
  function fill(field, text, issues) {
    if (document.activeElement === field.area && field.changed()) return;
    field.show(variable.name, text, issues);
  }

  /** The equations of an array, one for each element. @param {any[]} equations */
  function showCells(equations) {
    cells.replaceChildren();
    for (const { subscripts, text } of equations) {
      const commit = async (/** @type {string} */ name, /** @type {string} */ given) => {
        await store.act(variable.kind === "stock" ? "set_initial" : "set_equation", { name, text: given, subscripts });
        store.say(`equation of ${name}[${subscripts}] set`);
      };
      const field = makeEquationField(store, { field: "equation", label: `Equation of ${subscripts}`, lines: 1, commit, leave });
      field.show(variable.name, text);
      cells.append(labelledPart(`[${subscripts}]`, field.node));
    }
  }

  /** Causes, uses and what can be done; left as they are when they say the same, with the focus that is on them. */
  function showLinks() {
    const { name, inputs, uses } = variable;
    const now = JSON.stringify([name, inputs, uses, runs.isPinned(name), runs.isChangeable(variable), store.scene.read_only]);
    if (now === linksShown) return;
    linksShown = now;
    linked.replaceChildren(
      linkList("Causes", inputs), linkList("Uses", uses),
      html("div", { class: "buttons" },
        button("Causes tree", () => store.emit("tree", { op: "causes", name })),
        button("Uses tree", () => store.emit("tree", { op: "uses", name })),
        button("In chart", () => runs.pin(name), { "aria-pressed": String(runs.isPinned(name)) }),
        runs.isChangeable(variable) && button("Slider", () => runs.addSlider(name)),
        !store.scene.read_only && button("Match links", () => store.emit("match-links", name)),
      ),
    );
  }

  /** @param {string} title @param {string[]} names */
  function linkList(title, names) {
    const list = html("ul", { class: "names", "aria-label": title });
    for (const name of names) list.append(html("li", {}, button(name, () => store.emit("go-to", name), { class: "plain" })));
    return html("div", { class: "linklist" }, html("span", { class: "title", text: `${title} (${names.length})` }), list);
  }

  async function rename() {
    const to = nameField.value.trim();
    if (!variable || !to || to === variable.name) {
      if (variable) nameField.value = variable.name;
      return;
    }
    const old = variable.name;
    if (!(await askRename(store, old, to))) nameField.value = variable?.name ?? old;
  }

  nameField.addEventListener("change", rename);
  nameField.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") {
      nameField.value = variable?.name ?? "";
      leave();
    } else if (event.key !== "Enter") return;
    event.stopPropagation();
    if (event.key === "Enter") nameField.blur();
  });
  words.addEventListener("change", () => store.attempt("set_documentation", { name: variable.name, text: words.value }));
  for (const field of range) {
    field.addEventListener("change", () => {
      const [low, high] = range.map((one) => (one.value.trim() === "" ? null : Number(one.value)));
      if ([low, high].some(Number.isNaN)) store.warn("a range is two numbers");
      else store.attempt("set_range", { name: variable.name, low, high });
    });
  }
  store.on("selection", () => show(selected()));
  store.on("scene", () => show(selected()));
  store.on("delta", () => show(selected()));
  store.on("run", () => variable && runs.showOwn(graph, variable.name));
  store.on("pins", () => variable && showLinks());
  show(null);
  return {
    node,
    editEquation: (/** @type {any} */ suggest) => {
      const field = parts.equation.hidden ? (parts.initial.hidden ? null : initial) : equation;
      if (!field) {
        cells.querySelector("textarea")?.focus();
        return;
      }
      field.area.focus();
      field.area.setSelectionRange(field.area.value.length, field.area.value.length);
      if (suggest) field.suggest(suggest);
    },
    editLink: link.edit,
    rename: () => {
      nameField.focus();
      nameField.select();
    },
    showIssue: (/** @type {any} */ issue) => {
      const field = issue.field === "units" ? units : issue.field === "initial" ? initial : equation;
      field.area.focus();
      if (issue.start !== null && issue.start !== undefined) field.area.setSelectionRange(issue.start, issue.stop ?? issue.start);
    },
    drawings: () => (variable ? drawingsOf(store, canonicalName(variable.name)) : []),
  };
}
