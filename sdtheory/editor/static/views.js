// Ways to look at the model beside the drawing: tabs of views, the table of variables, find, faults, trees.

import { button, canonicalName, html, shortNumber } from "./dom.js";
import { askChoice } from "./rename.js";
import { drawingsOf } from "./store.js";

const SEARCH_TABS_FROM = 8;

/** @param {import("./store.js").Store} store */
export function makeTabs(store) {
  const list = html("div", { class: "view-tabs", role: "tablist", "aria-label": "Views" });
  const node = html("div", { class: "views" }, list);

  function draw() {
    const views = store.scene.views;
    const held = list.contains(document.activeElement);
    list.replaceChildren(...views.map(tab));
    const search = views.length > SEARCH_TABS_FROM ? html("select", { "aria-label": "Go to view" }, ...views.map((/** @type {any} */ view) => html("option", { value: view.index, text: titleOf(view) }))) : null;
    if (search) {
      search.value = String(store.view);
      search.addEventListener("change", () => store.open(Number(search.value)));
    }
    node.replaceChildren(...[list, search, !store.scene.read_only && button("+", add, { "aria-label": "Add a view", title: "add a view", class: "plain" })].filter(Boolean));
    if (held) /** @type {any} */ (list.querySelector("[aria-selected=true]"))?.focus();
  }

  /** @param {any} view */
  function titleOf(view) {
    return view.name || view.model || `View ${view.index + 1}`;
  }

  /** @param {any} view */
  function tab(view) {
    const chosen = view.index === store.view;
    return button(titleOf(view), () => store.open(view.index), {
      role: "tab", "aria-selected": String(chosen), tabindex: chosen ? "0" : "-1", title: "F2 or double click renames",
      on: {
        click: () => store.open(view.index),
        dblclick: () => rename(view),
        keydown: (/** @type {KeyboardEvent} */ event) => {
          const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          if (event.key === "F2") rename(view);
          else if (by) store.open((view.index + by + store.scene.views.length) % store.scene.views.length);
          else return;
          event.preventDefault();
          event.stopPropagation();
        },
      },
    });
  }

  async function add() {
    const name = await askText("Name of the view", "");
    if (!name) return;
    if (await store.attempt("add_view", { name })) await store.open(store.scene.views.length - 1);
  }

  /** @param {any} view */
  async function rename(view) {
    if (store.scene.read_only) return;
    const name = await askText("Name of the view", view.name);
    if (name && name !== view.name) await store.attempt("rename_view", { index: view.index, name });
  }

  store.on("scene", draw);
  store.on("delta", (delta) => (delta.views ? draw() : null));
  return { node };
}

/** @param {string} label @param {string} value @returns {Promise<string>} */
export async function askText(label, value) {
  const field = html("input", { "aria-label": label, value, autocomplete: "off" });
  const root = /** @type {HTMLElement} */ (document.querySelector(".sdtheory-editor") ?? document.body);
  field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    /** @type {any} */ (field.closest("dialog")?.querySelector("button"))?.click();
  });
  const wanted = askChoice(root, label, [field], [["yes", "OK"], ["", "Cancel"]]);
  field.focus();
  field.select();
  return (await wanted) === "yes" ? field.value.trim() : "";
}

/** The table of all variables, a full alternative to the diagram. @param {import("./store.js").Store} store */
export function makeTable(store) {
  const search = html("input", { type: "search", "aria-label": "Find in the list", placeholder: "find" });
  const body = html("tbody");
  const columns = ["Name", "Kind", "Equation", "Initial", "Units", "Documentation", "Issues"];
  const node = html("div", { class: "list-view", hidden: true }, html("div", { class: "buttons" }, search, button("Print", () => window.print())),
    html("table", {}, html("caption", { text: "All variables" }), html("thead", {}, html("tr", {}, ...columns.map((words) => html("th", { scope: "col", text: words })))), body));

  function draw() {
    if (node.hidden) return;
    const words = canonicalName(search.value);
    const all = Object.values(store.scene.variables);
    const held = /** @type {any} */ (document.activeElement)?.dataset?.cell;
    body.replaceChildren(...all.filter((/** @type {any} */ one) => canonicalName(`${one.name} ${one.equation} ${one.documentation}`).includes(words)).map(row));
    if (held) /** @type {any} */ ([...body.querySelectorAll("[data-cell]")].find((/** @type {any} */ one) => one.dataset.cell === held))?.focus();
  }

  /** @param {any} variable */
  function row(variable) {
    const { name } = variable;
    const issues = store.scene.issues.filter((/** @type {any} */ one) => one.variable && canonicalName(one.variable) === canonicalName(name));
    const stock = variable.kind === "stock";
    const arrayed = (variable.equations ?? []).length > 1;
    const equation = arrayed ? variable.equations.map((/** @type {any} */ one) => `[${one.subscripts}] ${one.text}`).join("\n") : variable.equation;
    return html("tr", {}, html("th", { scope: "row" }, button(name, () => store.emit("go-to", name), { class: "plain" })), html("td", { text: variable.kind }),
      arrayed || (stock && store.scene.format === "xmile") ? html("td", { class: "code", text: equation }) : cell(variable, "set_equation", "equation", equation),
      stock && !arrayed ? cell(variable, "set_initial", "initial value", variable.initial ?? "") : html("td"),
      cell(variable, "set_units", "units", variable.units), cell(variable, "set_documentation", "documentation", variable.documentation),
      html("td", { text: issues.map((/** @type {any} */ one) => one.message).join("; ") }));
  }

  /** @param {any} variable @param {string} op @param {string} label @param {string} value */
  function cell(variable, op, label, value) {
    const field = html("textarea", { rows: 1, "aria-label": `${label} of ${variable.name}`, "data-cell": `${op} ${variable.name}`, spellcheck: "false", value });
    field.readOnly = Boolean(store.scene.read_only);
    field.addEventListener("change", async () => {
      if (await store.attempt(op, { name: variable.name, text: field.value })) store.say(`${label} of ${variable.name} set`);
      else field.value = value;
    });
    field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Escape") field.value = value;
      else if (event.key !== "Enter" || event.shiftKey) return;
      event.preventDefault();
      field.blur();
      field.focus();
    });
    return html("td", {}, field);
  }

  search.addEventListener("input", draw);
  store.on("scene", draw);
  store.on("delta", draw);
  store.on("issues", draw);
  return {
    node,
    toggle: (/** @type {boolean} */ shown) => {
      node.hidden = !shown;
      draw();
      if (shown) search.focus();
    },
  };
}

/** Find in all views. @param {import("./store.js").Store} store @param {any} diagram */
export function makeFind(store, diagram) {
  const field = html("input", { type: "search", "aria-label": "Find in all views", placeholder: "find a variable", autocomplete: "off" });
  const list = html("ul", { class: "found", "aria-label": "Found" });
  const node = html("div", { class: "find", hidden: true }, field, button("\u00d7", close, { "aria-label": "Close find", class: "plain" }), list);
  let ticket = 0;

  function open() {
    node.hidden = false;
    field.focus();
    field.select();
  }

  function close() {
    node.hidden = true;
    diagram.focusOn(store.focused);
  }

  async function search() {
    ticket += 1;
    const own = ticket;
    const words = field.value.trim();
    const reply = words ? await store.ask("find", { text: words }).catch(() => []) : [];
    if (own !== ticket) return;
    const found = Array.isArray(reply) ? reply : reply.found ?? [];
    list.replaceChildren(...found.slice(0, 50).map(row));
    if (words && !found.length) list.append(html("li", { class: "quiet", text: "nothing found" }));
  }

  /** @param {any} found */
  function row(found) {
    const view = store.scene.views[found.view];
    const where = store.scene.views.length > 1 && view ? ` in ${view.name || view.model || `view ${found.view + 1}`}` : "";
    return html("li", {}, button(`${found.name}${where}`, () => goTo(found), { class: "plain" }));
  }

  /** @param {any} found */
  async function goTo(found) {
    if (found.view !== null && found.view !== undefined && found.view !== store.view) await store.open(found.view);
    node.hidden = true;
    if (found.id && store.elements.has(found.id)) {
      store.select([found.id]);
      diagram.reveal(found.id);
      diagram.focusOn(found.id);
    } else store.emit("go-to", found.name);
  }

  field.addEventListener("input", search);
  node.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    event.stopPropagation();
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && event.target === field) /** @type {any} */ (list.querySelector("button"))?.click();
  });
  return { node, open };
}

/** Faults of the whole model; each goes to its place. @param {import("./store.js").Store} store */
export function makeIssues(store) {
  const list = html("ul", { class: "issues", "aria-label": "Issues" });
  const note = html("p", { class: "quiet" });
  const node = html("div", { class: "panel-issues" }, note, list);
  let timer = 0;

  async function ask() {
    try {
      const reply = await store.latest("issues");
      if (reply) store.setIssues(reply.issues);
    } catch (error) {
      note.textContent = /** @type {Error} */ (error).message;
    }
  }

  function later() {
    clearTimeout(timer);
    timer = window.setTimeout(ask, 300);
  }

  function draw() {
    const order = ["error", "warning", "note"];
    const issues = [...store.scene.issues].sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
    note.textContent = issues.length ? "" : "No faults found.";
    list.replaceChildren(...issues.map((/** @type {any} */ issue) => html("li", { class: issue.severity },
      button(`${issue.variable ? `${issue.variable}: ` : ""}${issue.message}`, () => store.emit("issue", issue), { class: "plain" }))));
  }

  store.on("scene", later);
  store.on("delta", (delta) => (Object.keys(delta.variables ?? {}).length || delta.changed.length ? later() : null));
  store.on("issues", draw);
  return { node };
}

/** A tree of causes or uses. @param {import("./store.js").Store} store */
export function makeTree(store) {
  const heading = html("h3");
  const host = html("div");
  const node = html("div", { class: "panel-tree", hidden: true }, heading, host);

  /** @param {{op: string, name: string}} what */
  async function show({ op, name }) {
    try {
      const tree = await store.ask(op, { name, depth: 3 });
      heading.textContent = op === "causes" ? `What influences ${name}` : `What ${name} influences`;
      host.replaceChildren(html("ul", { class: "tree" }, branch(tree.tree ?? tree)));
      node.hidden = false;
      node.scrollIntoView({ block: "nearest" });
      /** @type {any} */ (host.querySelector("button"))?.focus();
    } catch (error) {
      store.warn(/** @type {Error} */ (error).message);
    }
  }

  /** @param {any} tree @returns {HTMLElement} */
  function branch(tree) {
    const children = tree.children ?? [];
    return html("li", {}, button(tree.name + (tree.seen ? " (above)" : ""), () => store.emit("go-to", tree.name), { class: "plain" }),
      children.length ? html("ul", {}, ...children.map(branch)) : null);
  }
  store.on("tree", show);
  return { node };
}

/** Go to a variable: select its drawing, or say that there is none. @param {import("./store.js").Store} store @param {any} diagram */
export function goToVariable(store, diagram) {
  return (/** @type {string} */ name) => {
    const [first] = drawingsOf(store, name);
    if (first) {
      store.select([first.id]);
      diagram.reveal(first.id, false);
      store.emit("show-panel", "variable");
      diagram.focusOn(first.id);
    } else {
      const variable = store.variable(name);
      const value = typeof variable?.value === "number" ? ` is ${shortNumber(variable.value)}` : "";
      store.say(`${name}${value}; it is not drawn in this view`);
    }
  };
}
