// The keyboard: everything that the pointer does, and the list of keys.

import { takesText } from "./dom.js";
import { endWords } from "./describe.js";
import { nearestToward } from "./geometry.js";
import { dragPreview, isMovable } from "./moving.js";
import { drawHandles } from "./marks.js";
import { TOOLS } from "./tools.js";
import { elementBounds } from "./shapes.js";

/** @type {[string, string][]} */
export const KEYS = [
  ["Tab, Shift+Tab", "next and previous panel; the diagram is one stop"],
  ["arrow keys", "go to the nearest element that way; with a tool: move the cross (Shift: finely)"],
  ["Ctrl+arrow", "go along a link: right and down to what it influences, left and up to what influences it; with a tool: put the cross on the next element"],
  ["Alt while dragging", "do not snap to what is in line nearby"],
  ["Alt+arrow (with Shift)", "move what is selected by 5 px (1 px); on a link: bend it"],
  ["Enter", "edit the equation, or the sign and marks of a link; with a tool: act at the cross"],
  ["Space", "select; with Shift or Ctrl: add to the selection"],
  ["F2", "rename"],
  ["Delete", "remove"],
  ["S F A C G T", "tools: stock, flow, auxiliary, connector, alias, text"],
  ["M", "start a link here, then go to its target and press Enter"],
  ["R", "attach an end of a flow: R, go to a stock or an empty place, Enter"],
  ["B", "bend the pipe of a flow"],
  ["Ctrl+D", "alias of this element"],
  ["Ctrl+C, Ctrl+X, Ctrl+V", "copy, cut and paste, also into another view or file of the same format; Ctrl+Shift+V pastes aliases"],
  ["L", "list of links"],
  ["K", "match the links of this variable with its equation"],
  ["0 + -", "fit, nearer, farther; Shift+arrow pans"],
  ["Ctrl+F", "find in all views"],
  ["Ctrl+Z, Ctrl+Shift+Z or Ctrl+Y", "undo, redo"],
  ["Ctrl+S", "save"],
  ["Escape", "leave the tool, the field, the selection"],
  ["?", "this list"],
];
const ARROWS = /** @type {Object<string, "left" | "right" | "up" | "down">} */ ({
  ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down",
});
const PAUSE = 500;

/**
 * Keys of the whole page.
 * @param {HTMLElement} root
 * @param {Object<string, () => void>} acts save, undo, redo, find
 */
export function listenToPage(root, acts) {
  document.addEventListener("keydown", (event) => {
    if (!root.isConnected || !mine(root, event.target)) return;
    const key = event.key.toLowerCase();
    const control = event.ctrlKey || event.metaKey;
    if (!control || event.altKey) {
      if (event.key === "?" && !takesText(event.target)) acts.help();
      return;
    }
    /** @type {(() => void) | undefined} */
    let act;
    if (key === "s") act = acts.save;
    else if (key === "f") act = acts.find;
    else if (takesText(event.target) && !/** @type {any} */ (event.target).matches("select, [readonly]")) return; // a field has an undo of its own
    else if (key === "z") act = event.shiftKey ? acts.redo : acts.undo;
    else if (key === "y") act = acts.redo;
    if (!act) return;
    event.preventDefault();
    act();
  });
}

/** Whether a key is for this editor: pressed in it, or nowhere in a page that holds nothing else. @param {HTMLElement} root @param {EventTarget | null} target */
function mine(root, target) {
  return root.contains(/** @type {Node} */ (target)) || (target === document.body && root.parentElement?.id === "editor");
}

/**
 * Keys of the diagram.
 * @param {import("./store.js").Store} store
 * @param {any} diagram
 * @param {any} tools
 * @param {any} pointer
 */
export function listenToDiagram(store, diagram, tools, pointer) {
  const nudge = makeNudge(store, diagram);
  const flowEnd = makeFlowEnd(store, diagram, tools);

  /** @param {KeyboardEvent} event */
  function keydown(event) {
    if (takesText(event.target)) return;
    const direction = ARROWS[event.key];
    const handled = direction ? arrow(event, direction) : other(event);
    if (handled) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  /** @param {KeyboardEvent} event @param {"left" | "right" | "up" | "down"} direction */
  function arrow(event, direction) {
    const control = event.ctrlKey || event.metaKey;
    if (event.altKey) nudge(direction, event.shiftKey ? 1 : 5);
    else if (tools.state.tool && control) tools.jump(nearestToward(crossPlace(), places(), direction));
    else if (tools.state.tool) tools.step(direction, event.shiftKey);
    else if (control) alongLink(direction);
    else if (event.shiftKey) diagram.panBy(...pan(direction));
    else toward(direction);
    return true;
  }

  /** @param {string} direction @returns {[number, number]} */
  function pan(direction) {
    return /** @type {Object<string, [number, number]>} */ ({ left: [60, 0], right: [-60, 0], up: [0, 60], down: [0, -60] })[direction];
  }

  /** @returns {[number, number]} */
  function crossPlace() {
    if (tools.state.at) return tools.state.at;
    const focused = store.elements.get(store.focused ?? "");
    return focused ? placeOf(focused) : diagram.centre();
  }

  function places() {
    return [...store.elements.values()].filter((element) => isMovable(element) && element.kind !== "group");
  }

  /** @param {"left" | "right" | "up" | "down"} direction */
  function toward(direction) {
    const here = store.elements.get(store.focused ?? "");
    const from = here ? placeOf(here) : diagram.centre();
    const next = nearestToward(from, places().filter((one) => one.id !== store.focused), direction);
    if (next) go(next.id);
  }

  /** In the direction of cause: out to the right and down, back to the left and up; through the link itself. @param {string} direction */
  function alongLink(direction) {
    const here = store.elements.get(store.focused ?? "");
    if (!here) return;
    const out = direction === "right" || direction === "down";
    if (here.kind === "connector") {
      go(out ? here.target : here.source);
      return;
    }
    const links = [...store.elements.values()].filter((one) =>
      (one.kind === "connector" || one.kind === "flow") && (out ? one.source : one.target) === here.id);
    const flowEndId = here.kind === "flow" ? (out ? here.target : here.source) : null;
    if (links.length) go(links[0].id);
    else if (flowEndId) go(flowEndId);
    else store.say(out ? "no link leaves it" : "no link enters it");
  }

  /** @param {string} id */
  function go(id) {
    if (!store.elements.has(id)) return;
    store.select([id]);
    diagram.focusOn(id);
  }

  /** @param {KeyboardEvent} event */
  function other(event) {
    const control = event.ctrlKey || event.metaKey;
    const element = store.elements.get(store.focused ?? "");
    if (control) {
      if (event.key.toLowerCase() === "d" && element) {
        tools.aliasOf(element.id);
        return true;
      }
      if (event.key.toLowerCase() === "a") {
        store.select([...store.elements.values()].filter(isMovable).map((one) => one.id));
        return true;
      }
      return false;
    }
    if (event.altKey) return false;
    return named(event, element);
  }

  /** @param {KeyboardEvent} event @param {any} element */
  function named(event, element) {
    const key = event.key;
    const tool = TOOLS.find(([letter]) => letter === key.toLowerCase());
    if (tool) tools.arm(tool[1]);
    else if (key === "Escape") escape();
    else if (key === "Enter") enter(element);
    else if (key === "0") diagram.fit();
    else if (key === "+" || key === "=") diagram.zoomBy(1.25);
    else if (key === "-") diagram.zoomBy(0.8);
    else if (!element) return false;
    else return ofElement(event, key, element);
    return true;
  }

  /** @param {KeyboardEvent} event @param {string} key @param {any} element */
  function ofElement(event, key, element) {
    const letter = key.toLowerCase();
    if (key === " ") {
      if (event.repeat) return true;
      pointer.holdSpace(true);
      if (event.shiftKey) store.select([...new Set([...store.selection, element.id])]);
      else store.select([element.id]);
    } else if (key === "F2") store.emit("rename", element);
    else if (key === "Delete" || key === "Backspace") store.emit("remove");
    else if (letter === "m") tools.linkFrom(element.id);
    else if (letter === "l") store.emit("list-links", element);
    else if (letter === "k" && element.variable) store.emit("match-links", element.variable);
    else if (letter === "r" && element.kind === "flow") flowEnd.start(element);
    else if (letter === "b" && element.kind === "flow") flowEnd.bend(element);
    else return false;
    return true;
  }

  /** @param {any} element */
  function enter(element) {
    if (flowEnd.confirm()) return;
    if (tools.state.tool) tools.confirm();
    else if (element) {
      store.select([element.id]);
      store.emit("open-element", element);
    }
  }

  function escape() {
    if (pointer.abandon() || flowEnd.cancel() || tools.cancel()) return;
    if (store.selection.length) store.select([]);
    store.say("nothing selected");
  }

  diagram.node.addEventListener("keydown", keydown);
  diagram.node.addEventListener("keyup", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === " ") pointer.holdSpace(false);
  });
  diagram.node.addEventListener("focusout", () => pointer.holdSpace(false));
  diagram.node.addEventListener("focusin", (/** @type {FocusEvent} */ event) => {
    const id = /** @type {Element} */ (event.target).closest("[data-element]")?.getAttribute("data-element");
    if (id) store.focused = id;
  });
}

/** @param {any} element @returns {[number, number]} */
function placeOf(element) {
  if (element.kind !== "connector") return [element.x, element.y];
  const box = elementBounds(element);
  return [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
}

/** Moves by Alt+arrow add up until there is a pause; a link is bent. @param {import("./store.js").Store} store @param {any} diagram */
function makeNudge(store, diagram) {
  let dx = 0;
  let dy = 0;
  let timer = 0;
  /** @type {string[]} */
  let ids = [];

  async function send() {
    ids = ids.filter((id) => store.elements.has(id));
    const preview = dragPreview(store, ids, dx, dy);
    const elements = ids.map((id) => {
      const { x, y } = preview.moved.get(id);
      return { id, x: Math.round(x), y: Math.round(y) };
    });
    [dx, dy, timer] = [0, 0, 0];
    const delta = await store.attempt("move", { elements });
    diagram.preview(null);
    for (const id of preview.redrawn.keys()) if (store.elements.has(id)) diagram.draw(store.elements.get(id));
    drawHandles(store, diagram);
    if (delta) store.say("moved");
  }

  function flush() {
    if (!timer) return;
    clearTimeout(timer);
    send();
  }

  store.on("flush", flush);
  return (/** @type {string} */ direction, /** @type {number} */ by) => {
    if (store.scene.read_only) return;
    const [sx, sy] = { left: [-by, 0], right: [by, 0], up: [0, -by], down: [0, by] }[direction] ?? [0, 0];
    const wanted = chosen(store).filter((id) => isMovable(store.elements.get(id)));
    if (timer && wanted.join() !== ids.join()) flush();
    ids = wanted;
    if (!ids.length) {
      bendLink(store, store.elements.get(store.focused ?? ""), sx, sy);
      return;
    }
    dx += sx;
    dy += sy;
    clearTimeout(timer);
    diagram.preview(dragPreview(store, ids, dx, dy));
    timer = window.setTimeout(send, PAUSE);
  };
}

/** @param {import("./store.js").Store} store */
function chosen(store) {
  const focused = store.focused ? [store.focused] : [];
  return store.selection.includes(focused[0]) ? store.selection : focused;
}

/** @param {import("./store.js").Store} store @param {any} link @param {number} dx @param {number} dy */
async function bendLink(store, link, dx, dy) {
  const [source, target] = [store.elements.get(link?.source), store.elements.get(link?.target)];
  if (link?.kind !== "connector" || !source || !target) return;
  const from = link.control ?? [(source.x + target.x) / 2, (source.y + target.y) / 2];
  const delta = await store.attempt("reshape", { id: link.id, control: [Math.round(from[0] + 2 * dx), Math.round(from[1] + 2 * dy)] });
  if (delta) store.say("bent");
}

/** Attach an end of a flow without a pointer. @param {import("./store.js").Store} store @param {any} diagram @param {any} tools */
function makeFlowEnd(store, diagram, tools) {
  /** @type {{id: string, end: "source" | "target"} | null} */
  let pending = null;
  return {
    start: (/** @type {any} */ flow) => {
      const end = pending?.id === flow.id && pending?.end === "target" ? "source" : "target";
      pending = { id: flow.id, end };
      store.say(`${end === "target" ? "where" : "from where"} ${flow.variable} ${end === "target" ? "goes" : "comes"}: go to a stock and press Enter; Enter on the flow makes a cloud; R again for the other end`);
    },
    bend: async (/** @type {any} */ flow) => {
      if (flow.points.length < 2) return;
      const first = flow.points[0];
      const last = flow.points[flow.points.length - 1];
      const points = flow.points.length > 2
        ? [first, last].every((point) => Math.abs(point[0] - last[0]) < 1 || Math.abs(point[1] - last[1]) < 1) ? [first, last] : flow.points
        : [first, [first[0], first[1] - 60], [last[0], last[1] - 60], last];
      const delta = await store.attempt("reshape", { id: flow.id, points });
      if (delta) store.say("bent the pipe");
    },
    confirm: () => {
      if (!pending || tools.state.tool) return false;
      const { id, end } = pending;
      const target = store.elements.get(store.focused ?? "");
      pending = null;
      attachEnd(id, end, target?.kind === "stock" ? target : null);
      return true;
    },
    cancel: () => {
      const had = Boolean(pending);
      pending = null;
      return had;
    },
  };

  /** @param {string} id @param {"source" | "target"} end @param {any} stock */
  async function attachEnd(id, end, stock) {
    const delta = await store.attempt("attach", { id, end, to: stock?.id ?? null });
    if (!delta) return;
    store.select([id]);
    diagram.focusOn(id);
    store.say(stock ? `${end} is ${endWords(store, stock.id)}` : `${end} is a cloud`);
  }
}
