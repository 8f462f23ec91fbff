// Menus and dialogs: export, settings, history, keys, conflicts of saving.

import { button, html, labelled } from "./dom.js";
import { KEYS } from "./keys.js";
import { askChoice } from "./rename.js";

/** @type {[string, string][]} */
const EXPORTS = [
  ["view.svg", "This view, SVG"], ["view.png", "This view, PNG"], ["view.pdf", "This view, PDF"], ["view.tex", "This view, TikZ"],
  ["causal.svg", "Causal diagram, SVG"], ["causal.png", "Causal diagram, PNG"], ["causal.pdf", "Causal diagram, PDF"], ["causal.graphml", "Causal graph, GraphML"],
  ["causal.dot", "Causal graph, DOT"], ["causal.json", "Causal graph, JSON"], ["page.html", "Page to look at, HTML"],
];

/** A button that opens a list under it. @param {string} words @param {() => Node[]} items */
export function makeMenu(words, items) {
  const list = html("div", { class: "menu-items", role: "menu", hidden: true });
  const opener = button(words, toggle, { "aria-haspopup": "menu", "aria-expanded": "false" });
  const node = html("div", { class: "menu" }, opener, list);

  function toggle() {
    const opening = list.hidden;
    list.hidden = !opening;
    opener.setAttribute("aria-expanded", String(opening));
    if (!opening) return;
    list.replaceChildren(...items());
    /** @type {any} */ (list.firstChild)?.focus();
  }

  node.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (list.hidden) return;
    const all = /** @type {HTMLElement[]} */ ([...list.children]);
    const at = all.indexOf(/** @type {any} */ (document.activeElement));
    if (event.key === "Escape") {
      toggle();
      opener.focus();
    } else if (event.key === "ArrowDown") all[(at + 1) % all.length].focus();
    else if (event.key === "ArrowUp") all[(at - 1 + all.length) % all.length].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  node.addEventListener("focusout", (/** @type {FocusEvent} */ event) => {
    if (!node.contains(/** @type {Node | null} */ (event.relatedTarget)) && !list.hidden) toggle();
  });
  list.addEventListener("click", () => {
    if (!list.hidden) toggle();
    if (!document.querySelector("dialog[open]")) opener.focus();
  });
  return node;
}

/** @param {import("./store.js").Store} store */
export function exportItems(store) {
  return EXPORTS.map(([kind, words]) => {
    if (store.link.exportUrl) return html("a", { role: "menuitem", href: store.link.exportUrl(kind, store.view), download: true, text: words });
    return button(words, () => saveExport(store, kind), { role: "menuitem" });
  });
}

/** In a notebook the file comes over the channel. @param {import("./store.js").Store} store @param {string} kind */
async function saveExport(store, kind) {
  try {
    const { name, type, data } = await store.ask("export", { kind });
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const url = URL.createObjectURL(new Blob([bytes], { type }));
    html("a", { href: url, download: name }).click();
    URL.revokeObjectURL(url);
  } catch (error) {
    store.warn(/** @type {Error} */ (error).message);
  }
}

/** @param {HTMLElement} root */
export function showKeys(root) {
  const rows = KEYS.map(([key, words]) => html("tr", {}, html("th", { scope: "row", text: key }), html("td", { text: words })));
  return askChoice(root, "Keys", [html("table", { class: "keys" }, html("tbody", {}, ...rows))], [["", "Close"]]);
}

/** @param {HTMLElement} root @param {import("./store.js").Store} store */
export async function showHistory(root, store) {
  let reply;
  try {
    reply = await store.ask("history");
  } catch (error) {
    store.warn(/** @type {Error} */ (error).message);
    return;
  }
  const rows = reply.entries.map((/** @type {any} */ entry, /** @type {number} */ i) =>
    html("li", { "aria-current": i === reply.position ? "step" : null, text: entry.name || "opened" }));
  await askChoice(root, "What was done", [html("ol", { class: "history" }, ...rows)], [["", "Close"]]);
}

/** @param {HTMLElement} root @param {import("./store.js").Store} store */
export async function showSettings(root, store) {
  const { settings } = store.scene;
  const words = /** @type {Object<string, string>} */ ({ start: "Start", stop: "Stop", time_step: "Time step", save_every: "Save every" });
  const fields = Object.entries(words).map(([key, label]) => /** @type {[string, any]} */ ([key, html("input", { "aria-label": label, value: settings[key] ?? "" })]));
  const method = html("select", { "aria-label": "Method" }, ...["euler", "rk4"].map((value) => html("option", { value, text: value })));
  const known = ["euler", "rk4"].includes(settings.method);
  if (!known) method.append(html("option", { value: settings.method, text: settings.method }));
  method.value = settings.method;
  const body = [...fields.map(([key, field]) => labelled(words[key], field)), labelled("Method", method), html("p", { class: "quiet", text: settings.time_units ? `Time in ${settings.time_units}` : "" })];
  if ((await askChoice(root, "Simulation settings", body, [["yes", "Set"], ["", "Cancel"]])) !== "yes") return;
  /** @type {Object<string, string>} */
  const changed = {};
  for (const [key, field] of fields) if (field.value.trim() !== String(settings[key] ?? "")) changed[key] = field.value.trim();
  if (method.value !== settings.method) changed.method = method.value;
  if (Object.keys(changed).length && (await store.attempt("set_simulation", changed))) store.say("settings changed");
}

/**
 * Save; when another program wrote the file meanwhile, ask what to do.
 * @param {HTMLElement} root
 * @param {import("./store.js").Store} store
 */
export async function saveDocument(root, store) {
  if (store.scene.read_only) {
    store.warn("this model is read only");
    return;
  }
  await store.settled();
  try {
    saved(store, await store.link.save({ hash: store.scene.hash }));
  } catch (error) {
    const refused = /** @type {any} */ (error);
    if (refused.code === "disk-changed") await solveConflict(root, store, refused);
    else store.warn(refused.message);
  }
}

/** @param {import("./store.js").Store} store @param {any} reply */
function saved(store, reply) {
  store.scene.hash = reply?.hash ?? store.scene.hash;
  store.scene.dirty = false;
  if (reply?.history) store.scene.history = reply.history;
  store.emit("saved");
  store.say(`saved ${store.scene.file}`);
}

/**
 * @param {HTMLElement} root
 * @param {import("./store.js").Store} store
 * @param {any} conflict
 */
export async function solveConflict(root, store, conflict) {
  const body = [
    html("p", { text: `Another program changed ${store.scene.file}. Your changes are kept until you choose; taking theirs can be undone.` }),
    html("details", {}, html("summary", { text: "Show the difference" }), html("pre", { class: "diff", text: conflict.diff ?? "" })),
  ];
  const chosen = await askChoice(root, "The file changed on disk", body, [["theirs", "Take theirs"], ["mine", "Keep mine"], ["", "Decide later"]]);
  try {
    if (chosen === "mine") saved(store, await store.link.save({ force: true, hash: store.scene.hash }));
    if (chosen === "theirs") {
      await store.act("take", {});
      if (conflict.hash) store.scene.hash = conflict.hash;
      await store.open();
      store.say("took the file as it is on disk");
    }
  } catch (error) {
    store.warn(/** @type {Error} */ (error).message);
  }
}
