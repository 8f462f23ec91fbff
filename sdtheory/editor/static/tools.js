// Tools that draw: the pointer and the cross of the keyboard act alike, through press, hover and release.

import { counted } from "./dom.js";
import { endWords } from "./describe.js";
import { rightAngled } from "./geometry.js";
import { drawCrosshair } from "./marks.js";
import { askWords } from "./namefield.js";
import { drawingsOf, nameFault } from "./store.js";

/** @type {[string, string, string][]} key, name, words */
export const TOOLS = [
  ["s", "stock", "Stock"], ["f", "flow", "Flow"], ["a", "auxiliary", "Auxiliary"],
  ["c", "connector", "Connector"], ["g", "alias", "Alias"], ["t", "text", "Text"],
];
const WITH_START = ["flow", "connector"];
const STEP = 20;
const FINE_STEP = 2;

/**
 * @param {import("./store.js").Store} store
 * @param {any} diagram
 */
export function makeTools(store, diagram) {
  /** @type {{tool: string | null, at: [number, number] | null, start: any, moved: boolean, asking: boolean, once: boolean}} */
  const state = { tool: null, at: null, start: null, moved: false, asking: false, once: false };
  const tools = { state, arm, cancel, press, hover, release, step, jump, confirm, linkFrom, aliasOf };

  /** @param {string | null} tool */
  function arm(tool) {
    if (store.scene.read_only && tool) {
      store.warn("this model is read only");
      return;
    }
    state.tool = tool;
    state.once = false;
    state.start = null;
    state.at = null;
    drawCrosshair(diagram, null);
    diagram.node.classList.toggle("drawing", Boolean(tool));
    store.emit("tool", tool);
    if (!tool) return;
    store.say(`${tool}: click, or place the cross with the arrow keys and press Enter${WITH_START.includes(tool) ? ", first where it starts, then where it ends" : ""}; Escape ends`);
  }

  /** Escape takes one thing back; says whether there was one. */
  function cancel() {
    if (!state.tool) return false;
    if (state.start) {
      state.start = null;
      drawCrosshair(diagram, state.at);
    } else arm(null);
    return true;
  }

  /** What lies at a place: an element that the tool can start or end at. @param {[number, number]} at */
  function under(at) {
    const kinds = state.tool === "flow" ? ["stock", "cloud"] : ["stock", "flow", "auxiliary", "alias", "module"];
    const slack = 8 / Math.min(diagram.camera.scale, 1);
    let best = null;
    let least = Infinity;
    for (const element of store.elements.values()) {
      if (!kinds.includes(element.kind)) continue;
      const across = Math.max(element.width / 2, 10) + slack;
      const down = Math.max(element.height / 2, 10) + slack;
      const [dx, dy] = [Math.abs(at[0] - element.x), Math.abs(at[1] - element.y)];
      if (dx <= across && dy <= down && dx + dy < least) [best, least] = [element, dx + dy];
    }
    return best;
  }

  /** @param {[number, number]} at @param {any} [element] */
  function press(at, element = null) {
    const found = WITH_START.includes(state.tool ?? "") ? suited(element) ?? under(at) : null;
    if (!WITH_START.includes(state.tool ?? "") || state.start) return;
    if (state.tool === "connector" && !found) {
      store.say("a link starts at a variable");
      return;
    }
    state.start = { at: found ? [found.x, found.y] : at, element: found, fresh: true };
    state.moved = false;
  }

  /** @param {any} element */
  function suited(element) {
    if (!element) return null;
    if (state.tool === "flow") return ["stock", "cloud"].includes(element.kind) ? element : null;
    return ["stock", "flow", "auxiliary", "alias", "module"].includes(element.kind) ? element : null;
  }

  /** @param {[number, number]} at */
  function hover(at) {
    state.at = at;
    if (!state.start) return;
    const distance = Math.hypot(at[0] - state.start.at[0], at[1] - state.start.at[1]);
    if (distance * diagram.camera.scale > 12) state.moved = true;
    const end = under(at);
    drawCrosshair(diagram, end ? [end.x, end.y] : at, state.start.at);
  }

  /** @param {[number, number]} at @param {any} [element] */
  async function release(at, element = null) {
    if (!state.tool) return;
    if (!WITH_START.includes(state.tool)) {
      await placeOne(at);
      return;
    }
    const start = state.start;
    if (!start) return;
    if (start.fresh && !state.moved) {
      start.fresh = false; // a click: the end is given by another one
      store.say(`from ${start.element ? endWords(store, start.element.id) : "outside"}; now where it ends`);
      drawCrosshair(diagram, at, start.at);
      return;
    }
    const end = suited(element) ?? under(at);
    state.start = null;
    drawCrosshair(diagram, null);
    if (state.tool === "connector") await link(start.element, end);
    else await flow(start, end, at);
  }

  /** @param {[number, number]} at */
  async function placeOne(at) {
    const place = /** @type {[number, number]} */ (at.map(Math.round));
    const tool = state.tool;
    if (tool === "text") {
      await ask({ at: place, label: "note", lines: true, fault: (words) => (words.trim() ? "" : "a note needs words") },
        (text) => store.act("add_text", { text, x: place[0], y: place[1] }));
    } else if (tool === "alias") {
      const names = Object.keys(store.scene.variables);
      const value = store.elements.get(store.selection[0] ?? "")?.variable ?? "";
      await ask({ at: place, label: "alias of", candidates: names, value, fault: (words) => (store.variable(words) ? "" : `there is no variable '${words}'`) },
        (name) => store.act("add_alias", { name: store.variable(name).name, x: place[0], y: place[1] }));
    } else {
      await ask({ at: place, label: `name of the ${tool}`, fault: (words) => nameFault(store, words) },
        (name) => store.act(`add_${tool}`, { name, x: place[0], y: place[1] }));
    }
  }

  /** @param {any} what @param {(words: string) => Promise<any>} send */
  async function ask(what, send) {
    state.asking = true;
    let made = null;
    const words = await askWords(diagram, { ...what, send: async (given) => { made = await send(given); } });
    state.asking = false;
    drawCrosshair(diagram, state.tool ? state.at : null);
    if (words === null) store.say("nothing added");
    else added(made, words);
    diagram.focusOn(store.focused);
  }

  /** @param {any} delta @param {string} words */
  function added(delta, words) {
    const id = delta?.focus ?? drawingsOf(store, words)[0]?.id ?? null;
    if (id) store.select([id]);
    store.say(`added ${words}`);
  }

  /** @param {any} source @param {any} target */
  async function link(source, target) {
    if (!source || !target) {
      store.say("a link ends at a variable");
      return;
    }
    if (source.id === target.id) {
      store.say("a link needs two variables");
      return;
    }
    const delta = await store.attempt("connect", { source: source.id, target: target.id });
    if (!delta) return;
    store.say(`linked ${endWords(store, source.id)} to ${endWords(store, target.id)}`);
    const variable = store.variable(target.variable);
    const bare = variable && variable.kind !== "stock" && ["", "0"].includes(variable.equation.trim());
    if (bare || state.once) arm(null);
    if (bare) {
      store.select([target.id]);
      store.emit("edit-equation", { name: variable.name, suggest: source.variable });
    } else diagram.focusOn(target.id);
  }

  /** @param {any} start @param {any} end @param {[number, number]} at */
  async function flow(start, end, at) {
    if (start.element && end && start.element.id === end.id) {
      store.say("a flow needs two ends");
      return;
    }
    const stop = /** @type {[number, number]} */ (end ? [end.x, end.y] : at.map(Math.round));
    const from = /** @type {[number, number]} */ (start.at.map(Math.round));
    const points = rightAngled(from, stop);
    const middle = points.length === 2 ? points : points.slice(0, 2);
    const place = /** @type {[number, number]} */ ([(middle[0][0] + middle[1][0]) / 2, (middle[0][1] + middle[1][1]) / 2 + 24]);
    const args = {
      source: start.element?.kind === "stock" ? start.element.id : null, target: end?.kind === "stock" ? end.id : null, points,
    };
    await ask({ at: place, label: "name of the flow", fault: (words) => nameFault(store, words) },
      (name) => store.act("add_flow", { name, ...args }));
  }

  /** The cross goes a step. @param {string} direction @param {boolean} fine */
  function step(direction, fine) {
    const by = fine ? FINE_STEP : STEP;
    const [dx, dy] = { left: [-by, 0], right: [by, 0], up: [0, -by], down: [0, by] }[direction] ?? [0, 0];
    const from = state.at ?? startOfCross();
    setCross([from[0] + dx, from[1] + dy]);
  }

  /** @returns {[number, number]} */
  function startOfCross() {
    const focused = store.focused ? store.elements.get(store.focused) : null;
    return focused && focused.kind !== "connector" ? [focused.x, focused.y] : /** @type {[number, number]} */ (diagram.centre().map(Math.round));
  }

  /** The cross goes onto an element. @param {any} element */
  function jump(element) {
    if (element) setCross([element.x, element.y]);
  }

  /** @param {[number, number]} at */
  function setCross(at) {
    state.at = at;
    if (state.start) hover(at);
    else drawCrosshair(diagram, at);
    const found = under(at);
    store.say(found ? `on ${endWords(store, found.id)}` : `${Math.round(at[0])}, ${Math.round(at[1])}`);
  }

  /** Enter: what a click at the cross would do. */
  async function confirm() {
    const at = state.at ?? startOfCross();
    state.at = at;
    if (WITH_START.includes(state.tool ?? "") && !state.start) {
      press(at);
      await release(at);
    } else {
      state.moved = true;
      await release(at);
    }
  }

  /** @param {string} id */
  function linkFrom(id) {
    const element = store.elements.get(id);
    arm("connector");
    if (!suited(element)) return;
    state.once = true;
    state.start = { at: [element.x, element.y], element, fresh: false };
    state.at = [element.x, element.y];
    store.say(`link from ${endWords(store, id)}; go to its target and press Enter`);
  }

  /** @param {string} id */
  async function aliasOf(id) {
    const element = store.elements.get(id);
    if (!element?.variable) return;
    const delta = await store.attempt("add_alias", { name: element.variable, x: element.x + 60, y: element.y + 60 });
    if (!delta) return;
    if (delta.focus) store.select([delta.focus]);
    diagram.focusOn(delta.focus ?? element.id);
    store.say(`added an alias of ${element.variable}; ${counted(drawingsOf(store, element.variable).length, "drawing")}`);
  }
  return tools;
}
