// Copy, cut and paste. The browser's own events carry the text, which needs no permission and works in notebooks too.

import { button, counted, takesText } from "./dom.js";

const LONGEST = 1_000_000; // characters that the service takes
const MOST_NAMES = 8; // that are said after a paste
const COPIED = ["stock", "flow", "auxiliary", "alias", "text"];

/**
 * @param {import("./store.js").Store} store
 * @param {HTMLElement} root
 * @param {any} diagram
 */
export function makeClipboard(store, root, diagram) {
  /** @type {string | null} a text on its way to the clipboard */
  let leaving = null;
  /** @type {[number, number] | null} where the pointer is, in pixels of the window */
  let pointer = null;
  let asAliases = false;

  /** Whether the keyboard is in the editor; text fields and selected words have a clipboard of their own. */
  function isHere() {
    const active = document.activeElement;
    const alone = active === document.body && root.parentElement?.id === "editor";
    return root.isConnected && (root.contains(active) || alone) && !takesText(active) && !document.querySelector("dialog[open]");
  }

  /** @param {ClipboardEvent} event */
  function taken(event) {
    if (leaving !== null) {
      event.clipboardData?.setData("text/plain", leaving);
      leaving = null;
    } else if (isHere() && store.selection.length && !String(getSelection())) take(event.type === "cut");
    else return;
    event.preventDefault();
  }

  /** @param {boolean} cut */
  async function take(cut) {
    if (cut && store.scene.read_only) {
      store.warn("this model is read only");
      return;
    }
    await store.settled();
    const ids = store.selection.filter((id) => COPIED.includes(store.elements.get(id)?.kind));
    const reply = await store.ask("copied", { ids }).catch((error) => store.warn(error.message));
    if (!reply) return;
    if (!(await put(reply.text))) {
      store.warn("the browser does not let this page copy");
      return;
    }
    if (!cut) store.say(`${counted(reply.count, "element")} copied`);
    else if (await store.attempt("remove", { ids })) store.say(`${counted(reply.count, "element")} cut`);
  }

  /** The service has answered by now, so a second copy event is asked for. @param {string} text */
  async function put(text) {
    leaving = text;
    document.execCommand("copy");
    const done = leaving === null;
    leaving = null;
    return done || (await navigator.clipboard?.writeText(text).then(() => true, () => false)) || false;
  }

  /** @param {ClipboardEvent} event */
  function pasted(event) {
    const alias = asAliases;
    asAliases = false;
    if (!isHere() || takesText(event.target)) return;
    event.preventDefault();
    insert(event.clipboardData?.getData("text/plain") ?? "", alias);
  }

  /** @param {string} text @param {boolean} alias */
  async function insert(text, alias) {
    if (store.scene.read_only || text.length > LONGEST) {
      store.warn(store.scene.read_only ? "this model is read only" : "this cannot be pasted: the clipboard holds too much");
      return;
    }
    await store.settled();
    const before = new Set(store.elements.keys());
    const [x, y] = (pointer ? diagram.toDiagram(...pointer) : diagram.centre()).map(Math.round);
    if (!(await store.attempt("paste", { text, x, y, ...(alias ? { alias } : {}) }))) return;
    const added = [...store.elements.values()].filter((one) => !before.has(one.id) && COPIED.includes(one.kind));
    store.select(added.map((one) => one.id));
    diagram.focusOn(store.focused);
    const names = [...new Set(added.map((one) => one.variable || "text"))];
    const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : "";
    store.say(`pasted${alias ? " as aliases" : ""}: ${names.slice(0, MOST_NAMES).join(", ")}${more}`);
  }

  /** From a menu, where no event brings the text. @param {boolean} alias */
  async function fetchText(alias) {
    const text = await navigator.clipboard?.readText().catch(() => null);
    if (typeof text === "string") await insert(text, alias);
    else store.warn(`the browser does not let this page read the clipboard; press Ctrl+${alias ? "Shift+" : ""}V on the diagram`);
  }

  /** What the menu offers. */
  function items() {
    const item = (/** @type {string} */ words, /** @type {() => void} */ act) => button(words, act, { role: "menuitem" });
    const some = store.selection.length > 0;
    const found = some ? [item("Copy", () => { take(false); })] : [];
    if (store.scene.read_only) return found;
    if (some) found.push(item("Cut", () => { take(true); }));
    found.push(item("Paste", () => { fetchText(false); }), item("Paste as aliases", () => { fetchText(true); }));
    return found;
  }

  document.addEventListener("copy", taken);
  document.addEventListener("cut", taken);
  document.addEventListener("paste", pasted);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey) asAliases = event.shiftKey && event.key.toLowerCase() === "v";
  }, true);
  diagram.canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => { pointer = [event.clientX, event.clientY]; });
  diagram.canvas.addEventListener("pointerleave", () => { pointer = null; });
  return { items };
}
