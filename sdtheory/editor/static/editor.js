// The editor: puts the parts together. `export default { render({ model, el }) }` is the whole interface.

import { makeClipboard } from "./clipboard.js";
import { button, canonicalName, counted, html, setText } from "./dom.js";
import { makeDiagram } from "./diagram.js";
import { exportItems, makeMenu, saveDocument, showHistory, showKeys, showSettings, solveConflict } from "./dialogs.js";
import { listenToDiagram, listenToPage } from "./keys.js";
import { openLink } from "./link.js";
import { makeLoops } from "./loops.js";
import { drawHandles } from "./marks.js";
import { makePanel } from "./panel.js";
import { listenToPointer } from "./pointer.js";
import { makePolicies } from "./policies.js";
import { askChoice, askRename } from "./rename.js";
import { makeRuns, makeSliders } from "./runs.js";
import { drawingsOf, makeStore } from "./store.js";
import { makeTools, TOOLS } from "./tools.js";
import { askText, goToVariable, makeFind, makeIssues, makeTable, makeTabs, makeTree } from "./views.js";
import { makeTimeline } from "./timeline.js";

/** @type {[string, string][]} */
const ALIGNMENTS = [
  ["left", "Align left"], ["centre", "Align centres"], ["right", "Align right"], ["top", "Align top"], ["middle", "Align middles"],
  ["bottom", "Align bottom"], ["distribute-across", "Distribute across"], ["distribute-down", "Distribute down"],
];

/**
 * Show the editor in an element.
 * @param {{model?: any, el: HTMLElement}} where
 */
export function render({ model, el }) {
  const store = makeStore(openLink(model));
  const root = html("div", { class: "sdtheory-editor" });
  const parts = makeParts(store, root);
  root.append(makeBar(store, root, parts), makeWorkplace(store, parts), makeStatus(store));
  el.replaceChildren(root);
  listen(store, root, parts);
  store.open(0).then(() => {
    parts.diagram.fit();
    parts.diagram.focusOn(null);
  }, (error) => store.warn(error.message));
}

export default { render };

/** @param {import("./store.js").Store} store @param {HTMLElement} root */
function makeParts(store, root) {
  const diagram = makeDiagram(store);
  const tools = makeTools(store, diagram);
  const pointer = listenToPointer(store, diagram, tools);
  const runs = makeRuns(store, diagram);
  listenToDiagram(store, diagram, tools, pointer);
  const loops = makeLoops(store, diagram, runs);
  return {
    diagram, tools, pointer, runs, loops, root, clipboard: makeClipboard(store, root, diagram),
    panel: makePanel(store, diagram, runs), sliders: makeSliders(store, runs), policies: makePolicies(store, runs),
    issues: makeIssues(store), tree: makeTree(store), find: makeFind(store, diagram), tabs: makeTabs(store), table: makeTable(store),
    timeline: makeTimeline(store, runs, loops),
    help: () => { showKeys(root); },
    save: () => { saveDocument(root, store); },
    undo: () => { stepBack(store, "undo"); },
    redo: () => { stepBack(store, "redo"); },
  };
}

/** @param {import("./store.js").Store} store @param {"undo" | "redo"} op */
async function stepBack(store, op) {
  await store.settled();
  const { history } = store.scene;
  const name = op === "undo" ? history.undo_name : history.redo_name;
  if (!(op === "undo" ? history.can_undo : history.can_redo)) {
    store.say(`nothing to ${op}`);
    return;
  }
  if (await store.attempt(op)) store.say(`${op === "undo" ? "undone" : "done again"}: ${name}`);
}

/** @param {import("./store.js").Store} store @param {HTMLElement} root @param {any} parts */
function makeBar(store, root, parts) {
  const title = html("h1");
  const save = button("Save", parts.save, { class: "primary", title: "Ctrl+S" });
  const undo = button("Undo", parts.undo, { title: "Ctrl+Z" });
  const redo = button("Redo", parts.redo, { title: "Ctrl+Shift+Z" });
  const toolButtons = TOOLS.map(([key, tool, words]) => button(words, () => {
    parts.tools.arm(parts.tools.state.tool === tool ? null : tool);
    parts.diagram.focusOn(null);
  }, { "aria-pressed": "false", "data-tool": tool, title: `${words} (${key.toUpperCase()})` }));
  const list = button("List", () => {
    const shown = list.getAttribute("aria-pressed") !== "true";
    list.setAttribute("aria-pressed", String(shown));
    root.classList.toggle("listing", shown);
    parts.table.toggle(shown);
  }, { "aria-pressed": "false", title: "all variables as a table" });
  const drawing = html("div", { class: "group tools", role: "toolbar", "aria-label": "Draw" }, ...toolButtons);
  const bar = html("header", { class: "bar" }, title, html("div", { class: "group" }, save, undo, redo), drawing,
    html("div", { class: "group" }, button("\u2212", () => parts.diagram.zoomBy(0.8), { "aria-label": "Smaller", title: "-" }),
      button("Fit", parts.diagram.fit, { title: "0" }), button("+", () => parts.diagram.zoomBy(1.25), { "aria-label": "Larger", title: "+" })),
    html("div", { class: "group" }, button("Find", parts.find.open, { title: "Ctrl+F" }), list, makeMenu("Export", () => exportItems(store)),
      makeMenu("More", () => [...moreItems(store, root), ...parts.clipboard.items()]), button("?", parts.help, { "aria-label": "Keys", title: "?" })));

  function show() {
    const { history, dirty, name, file, read_only: readOnly } = store.scene;
    setText(title, `${name}${dirty ? " \u2022" : ""}`);
    title.title = `${file}${dirty ? ", not saved" : ""}`;
    save.disabled = readOnly;
    undo.disabled = !history.can_undo;
    redo.disabled = !history.can_redo;
    undo.title = history.can_undo ? `Undo ${history.undo_name} (Ctrl+Z)` : "Ctrl+Z";
    redo.title = history.can_redo ? `Redo ${history.redo_name} (Ctrl+Shift+Z)` : "Ctrl+Shift+Z";
    drawing.hidden = readOnly;
    document.title = root.parentElement?.id === "editor" ? `${dirty ? "\u2022 " : ""}${name}` : document.title;
  }
  for (const event of ["scene", "delta", "saved"]) store.on(event, show);
  store.on("tool", (tool) => toolButtons.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.tool === tool))));
  return bar;
}

/** @param {import("./store.js").Store} store @param {HTMLElement} root */
function moreItems(store, root) {
  const item = (/** @type {string} */ words, /** @type {() => void} */ act) => button(words, act, { role: "menuitem" });
  const items = [item("Simulation settings\u2026", () => { showSettings(root, store); }), item("History\u2026", () => { showHistory(root, store); })];
  if (store.scene.read_only) return items;
  items.push(item("Show changes\u2026", async () => {
    const { text } = await store.ask("diff").catch((error) => ({ text: error.message }));
    askChoice(root, "Changes since the last save", [html("pre", { class: "diff", text: text || "none" })], [["", "Close"]]);
  }));
  items.push(item("Place what has no place", () => { store.attempt("layout", {}); }));
  for (const [how, words] of ALIGNMENTS) if (store.selection.length > 1) items.push(item(words, () => { store.attempt("align", { ids: store.selection, how }); }));
  const [id] = store.selection;
  const look = async (/** @type {string} */ words, /** @type {any} */ args) => (await store.attempt("reshape", { id, ...args })) && store.say(words);
  if (store.elements.get(id)?.kind === "connector") {
    for (const [polarity, words] of [["+", "Mark as positive"], ["-", "Mark as negative"], ["", "No sign"]]) {
      items.push(item(words, () => look(polarity ? `sign: ${polarity === "+" ? "positive" : "negative"}` : "sign: no sign", { polarity })));
    }
  } else if (id) {
    for (const side of ["top", "bottom", "left", "right", "center"]) items.push(item(`Name: ${side}`, () => look(`name: ${side}`, { label_side: side })));
    items.push(item("Colour\u2026", async () => {
      const colour = await askText("Colour, as the file writes it", store.elements.get(id)?.colour ?? "");
      if (colour) look(`colour: ${colour}`, { colour });
    }));
  }
  return items;
}

/** @param {import("./store.js").Store} store @param {any} parts */
function makeWorkplace(store, parts) {
  const side = makeSide(store, parts);
  const left = html("main", { class: "left" }, html("div", { class: "stage" }, parts.diagram.node, parts.table.node, parts.find.node), parts.tabs.node, parts.timeline.node);
  return html("div", { class: "workplace" }, left, side);
}

/** @param {import("./store.js").Store} store @param {any} parts */
function makeSide(store, parts) {
  /** @type {[string, string, any][]} */
  const all = [
    ["variable", "Variable", parts.panel], ["sliders", "Sliders", parts.sliders], ["loops", "Loops", parts.loops],
    ["policies", "Policies", parts.policies], ["issues", "Issues", parts.issues],
  ];
  const tabs = html("div", { class: "side-tabs", role: "tablist", "aria-label": "Panels" });
  const bodies = all.map(([id, words, part]) => html("div", { class: "side-body", role: "tabpanel", "aria-label": words, "data-panel": id, hidden: true }, part.node));
  bodies[0].append(parts.tree.node);
  const show = (/** @type {string} */ wanted) => {
    all.forEach(([id, , part], i) => {
      bodies[i].hidden = id !== wanted;
      tabs.children[i].setAttribute("aria-selected", String(id === wanted));
      tabs.children[i].setAttribute("tabindex", id === wanted ? "0" : "-1");
      if (id === wanted) part.opened?.();
    });
  };
  all.forEach(([id, words], i) => {
    tabs.append(button(words, () => show(id), {
      role: "tab", "data-tab": id,
      on: {
        click: () => show(id),
        keydown: (/** @type {KeyboardEvent} */ event) => {
          const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          if (!by) return;
          const next = all[(i + by + all.length) % all.length][0];
          show(next);
          /** @type {any} */ (tabs.querySelector(`[data-tab="${next}"]`)).focus();
          event.preventDefault();
        },
      },
    }));
  });
  store.on("show-panel", show);
  store.on("issues", () => {
    const count = store.scene.issues.filter((/** @type {any} */ issue) => issue.severity !== "note").length;
    tabs.children[4].textContent = count ? `Issues (${count})` : "Issues";
  });
  show("variable");
  return html("aside", { class: "side" }, tabs, ...bodies);
}

/** @param {import("./store.js").Store} store */
function makeStatus(store) {
  const said = html("span", { class: "said", role: "status" });
  const warned = html("span", { class: "warned", role: "alert" });
  const run = html("span", { class: "run-state" });
  store.on("say", (words) => {
    warned.textContent = "";
    said.textContent = words;
  });
  store.on("warn", (words) => {
    warned.textContent = words;
  });
  store.on("run", (done) => {
    const time = done.seconds === null ? "" : `, ${Math.max(Math.round(done.seconds * 1000), 1)} ms`;
    run.textContent = `run ${done.status}${time}`;
  });
  store.on("run-failed", () => {
    run.textContent = "cannot run";
  });
  return html("footer", { class: "status" }, said, warned, run);
}

/** What the parts do when something happens. @param {import("./store.js").Store} store @param {HTMLElement} root @param {any} parts */
function listen(store, root, parts) {
  const { diagram, panel } = parts;
  listenToPage(root, { save: parts.save, undo: parts.undo, redo: parts.redo, find: parts.find.open, help: parts.help });
  diagram.onCamera.push(() => drawHandles(store, diagram));
  let view = -1;
  store.on("scene", () => {
    diagram.drawAll();
    if (view !== store.view) diagram.fit();
    view = store.view;
    drawHandles(store, diagram);
  });
  store.on("delta", (delta) => redraw(store, diagram, delta));
  store.on("selection", () => drawHandles(store, diagram));
  store.on("issues", (names) => {
    const touched = new Set([...names].filter(Boolean).map(canonicalName));
    for (const element of store.elements.values()) {
      if (element.variable && element.kind !== "connector" && touched.has(canonicalName(element.variable))) diagram.draw(element);
    }
  });
  store.on("go-to", goToVariable(store, diagram));
  store.on("open-element", (element) => openElement(store, diagram, panel, element));
  store.on("edit-equation", ({ suggest }) => {
    store.emit("show-panel", "variable");
    panel.editEquation(suggest);
  });
  store.on("rename", (element) => element.variable && renameHere(store, diagram, element));
  store.on("remove", () => removeSelected(store, diagram));
  store.on("list-links", (element) => listLinks(store, root, element));
  store.on("match-links", async (name) => {
    const delta = await store.attempt("match_links", { name });
    if (delta) store.say(delta.changed.length + delta.removed.length ? "links match the equation" : "links matched already");
  });
  store.on("issue", (issue) => {
    if (!issue.variable) return;
    store.emit("go-to", issue.variable);
    panel.showIssue(issue);
  });
  listenToServer(store, root);
}

/** Draw what changed, and what stands at its links. @param {import("./store.js").Store} store @param {any} diagram @param {any} delta */
function redraw(store, diagram, delta) {
  const focusLost = delta.removed.includes(store.focused);
  const gone = focusLost ? diagram.mainOf(store.focused)?.getBoundingClientRect() : null;
  for (const id of delta.removed) diagram.erase(id);
  const names = new Set(Object.keys(delta.variables ?? {}).map(canonicalName));
  const again = new Set(delta.changed.map((/** @type {any} */ element) => element.id));
  for (const element of store.elements.values()) {
    if (again.has(element.id) || (element.variable && element.kind !== "connector" && names.has(canonicalName(element.variable)))) diagram.draw(element);
  }
  if (focusLost) focusNear(store, diagram, gone);
  drawHandles(store, diagram);
}

/** The focus goes to the neighbour of what was removed. @param {import("./store.js").Store} store @param {any} diagram @param {DOMRect | null} gone */
function focusNear(store, diagram, gone) {
  const at = gone ? diagram.toDiagram(gone.x + gone.width / 2, gone.y + gone.height / 2) : diagram.centre();
  let best = null;
  let least = Infinity;
  for (const element of store.elements.values()) {
    const distance = Math.hypot(element.x - at[0], element.y - at[1]);
    if (element.kind !== "connector" && distance < least) [best, least] = [element.id, distance];
  }
  store.focused = best;
  diagram.focusOn(best);
}

/** @param {import("./store.js").Store} store @param {any} diagram @param {any} panel @param {any} element */
function openElement(store, diagram, panel, element) {
  if (element.kind === "alias") {
    const [original] = drawingsOf(store, element.variable);
    if (original && original.id !== element.id && original.kind !== "alias") {
      store.select([original.id]);
      diagram.focusOn(original.id);
      store.say(`the original of ${element.variable}`);
      return;
    }
  }
  if (element.kind === "module") {
    const view = store.scene.views.find((/** @type {any} */ one) => one.model && canonicalName(one.model) === canonicalName(element.variable || element.text));
    if (view) store.open(view.index);
    else store.say("this module has no drawing of its own in the file");
    return;
  }
  if (element.kind === "connector") {
    store.emit("show-panel", "variable");
    panel.editLink();
    store.say("sign and marks of the link; back in the diagram Alt and the arrow keys bend it, Delete removes it");
    return;
  }
  store.emit("show-panel", "variable");
  panel.editEquation();
}

/** Rename at the place of the name. @param {import("./store.js").Store} store @param {any} diagram @param {any} element */
async function renameHere(store, diagram, element) {
  if (store.scene.read_only) return;
  store.select([element.id]);
  const to = await askText(`Rename ${element.variable}`, store.variable(element.variable)?.name ?? element.variable);
  if (to && to !== element.variable) await askRename(store, element.variable, to);
  diagram.focusOn(store.elements.has(element.id) ? element.id : store.focused);
}

/** @param {import("./store.js").Store} store @param {any} diagram */
async function removeSelected(store, diagram) {
  const focused = store.focused ? [store.focused] : [];
  const ids = store.selection.includes(focused[0]) ? store.selection : focused;
  const words = ids.map((id) => store.elements.get(/** @type {string} */ (id))).filter(Boolean).map((element) => element.variable || element.kind);
  if (!ids.length || store.scene.read_only) return;
  const delta = await store.attempt("remove", { ids });
  if (!delta) return;
  store.say(`removed ${words.length > 3 ? counted(words.length, "element") : words.join(", ")}`);
  diagram.focusOn(store.focused);
}

/** @param {import("./store.js").Store} store @param {HTMLElement} root @param {any} element */
async function listLinks(store, root, element) {
  const variable = store.variable(element.variable);
  if (!variable) return;
  /** @type {string} */
  let wanted = "";
  const lists = [["Causes", variable.inputs], ["Uses", variable.uses]].map(([title, names]) => html("div", {}, html("h3", { text: title }),
    html("ul", { class: "names" }, ...names.map((/** @type {string} */ name) => html("li", {}, button(name, () => {
      wanted = name;
      /** @type {any} */ (root.querySelector("dialog"))?.close();
    }, { class: "plain" }))))));
  await askChoice(root, `Links of ${variable.name}`, lists, [["", "Close"]]);
  if (wanted) store.emit("go-to", wanted);
}

/** What comes from outside: other windows, other programs, the server's end. @param {import("./store.js").Store} store @param {HTMLElement} root */
function listenToServer(store, root) {
  let asking = false;
  store.link.on("changed", ({ revision, hash, dirty }) => {
    if (!store.scene || !store.idle()) return;
    store.scene.hash = hash ?? store.scene.hash;
    if (revision !== store.scene.revision) {
      store.open().then(() => store.say("changed in another window"), (error) => store.warn(error.message));
    } else if (dirty !== undefined && dirty !== store.scene.dirty) {
      store.scene.dirty = dirty;
      store.emit("saved");
    }
  });
  store.link.on("saved", ({ hash }) => {
    if (!store.scene) return;
    store.scene.hash = hash;
    store.scene.dirty = false;
    store.emit("saved");
  });
  store.link.on("disk-changed", async (conflict) => {
    if (asking || !store.scene) return;
    asking = true;
    await solveConflict(root, store, conflict);
    asking = false;
  });
  store.link.on("reopened", () => {
    store.open().catch((error) => store.warn(error.message));
  });
  store.link.on("session-ended", ({ reason }) => store.warn(`the editor has ended${reason ? `: ${reason}` : ""}; what is on this page cannot be saved any more`));
}
