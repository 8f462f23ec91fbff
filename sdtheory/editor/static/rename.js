// Renaming: what it would change is said first.

import { button, counted, html } from "./dom.js";

/**
 * A dialog over the page; resolves to the value of the button that was chosen, or "" for none.
 * @param {HTMLElement} root
 * @param {string} title
 * @param {(Node | string)[]} body
 * @param {[string, string][]} choices value and words, the first is the usual one
 * @returns {Promise<string>}
 */
export function askChoice(root, title, body, choices) {
  return new Promise((resolve) => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    const dialog = html("dialog", { "aria-label": title });
    let chosen = "";
    const buttons = choices.map(([value, words], i) => button(words, () => {
      chosen = value;
      dialog.close();
    }, { class: i === 0 ? "primary" : "", autofocus: i === 0 }));
    dialog.append(html("h2", { text: title }), ...body, html("div", { class: "buttons" }, ...buttons));
    dialog.addEventListener("close", () => {
      dialog.remove();
      // what opened it may be gone, such as an item of a menu
      const back = before?.closest("[hidden]") ? before.closest(".menu")?.querySelector("button") : before;
      /** @type {any} */ (back)?.focus?.();
      resolve(chosen);
    });
    dialog.addEventListener("keydown", (/** @type {Event} */ event) => event.stopPropagation());
    root.append(dialog);
    dialog.showModal();
  });
}

/**
 * Rename after asking, when more than the variable itself changes.
 * @param {import("./store.js").Store} store
 * @param {string} name
 * @param {string} to
 * @returns {Promise<boolean>}
 */
export async function askRename(store, name, to) {
  let preview;
  try {
    preview = await store.ask("rename_preview", { name, to });
  } catch (error) {
    store.warn(/** @type {Error} */ (error).message);
    return false;
  }
  if (preview.refused) {
    store.warn(`cannot rename ${name}: ${preview.refused}`);
    return false;
  }
  if (preview.equations > 0) {
    const words = `${name} becomes ${to} in ${counted(preview.equations, "equation")} and ${counted(preview.drawings, "drawing")}.`;
    const root = /** @type {HTMLElement} */ (document.querySelector(".sdtheory-editor") ?? document.body);
    if ((await askChoice(root, "Rename everywhere?", [html("p", { text: words })], [["yes", "Rename"], ["", "Cancel"]])) !== "yes") return false;
  }
  const delta = await store.attempt("rename", { name, to });
  if (delta) store.say(`renamed ${name} to ${to}`);
  return Boolean(delta);
}
