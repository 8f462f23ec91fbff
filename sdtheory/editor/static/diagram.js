// The drawing of a view: one group for each element, kept in layers, redrawn only where something changed.

import { html, setAll, svg } from "./dom.js";
import { describeElement } from "./describe.js";
import { elementBounds, pathData, shapeBounds, shapeNode } from "./shapes.js";
import { issuesOf } from "./store.js";

const LAYERS = ["group", "pipe", "cloud", "connector", "module", "stock", "flow", "auxiliary", "alias", "text", "other"];
/** @type {Object<string, string>} */
const LAYER_OF = { link: "connector" };
const FIT_MARGIN = 8; // beyond the margin of the scene's own bounds, 24 px in all
const SMALLEST_WORDS = 4; // on the screen, below that only stocks keep their names
const LEAST_HIT = 24;
const SPARK_LEAST = [60, 30];
let instances = 0;

/**
 * @param {import("./store.js").Store} store
 */
export function makeDiagram(store) {
  instances += 1;
  const prefix = `sd${instances}-`;
  /** @type {Object<string, SVGElement>} */
  const layers = Object.fromEntries(LAYERS.map((layer) => [layer, svg("g", { class: `layer layer-${layer}` })]));
  const handles = svg("g", { class: "layer handles", "aria-hidden": "true" });
  const marks = svg("g", { class: "layer marks", "aria-hidden": "true" });
  const viewport = svg("g", { class: "viewport" }, ...Object.values(layers), handles, marks);
  const canvas = svg("svg", { class: "canvas" }, viewport);
  const node = html("div", { class: "diagram", role: "application", "aria-label": "Diagram", tabindex: "-1" }, canvas);
  /** @type {Map<string, SVGElement[]>} */
  const drawn = new Map();
  const camera = { scale: 1, x: 0, y: 0, fitted: false };
  /** @type {Map<string, any>} */
  let sparks = new Map();

  const diagram = {
    node, canvas, handles, marks, camera, layers,
    onCamera: /** @type {(() => void)[]} */ ([]),
    drawAll, draw, erase, mainOf, fit, zoomBy, panBy, reveal, toDiagram, toScreen, focusOn, preview, setSparks, centre,
    groupsOf: (/** @type {string} */ id) => drawn.get(id) ?? [],
  };

  function drawAll() {
    for (const layer of Object.values(layers)) layer.replaceChildren();
    drawn.clear();
    for (const element of store.elements.values()) draw(element);
    rove();
  }

  /** @param {any} element */
  function draw(element) {
    if (element.kind === "other" && !element.groups.length) element = { ...element, groups: placeholder(element) };
    const old = drawn.get(element.id) ?? [];
    const held = old.some((group) => group === document.activeElement);
    const groups = element.groups.map((/** @type {any} */ group, /** @type {number} */ i) =>
      groupNode(element, group, i === element.groups.length - 1),
    );
    groups.forEach((/** @type {SVGElement} */ group, /** @type {number} */ i) => {
      const before = old.length === groups.length ? old[i] : null;
      const layer = layers[LAYER_OF[element.groups[i].role] ?? element.groups[i].role] ?? layers.other;
      if (before?.parentNode === layer) before.replaceWith(group);
      else layer.append(group);
    });
    if (old.length !== groups.length) old.forEach((group) => group.remove());
    else old.forEach((group, i) => group !== groups[i] && group.remove());
    drawn.set(element.id, groups);
    if (held) mainOf(element.id)?.focus({ preventScroll: true });
  }

  /** @param {string} id */
  function erase(id) {
    (drawn.get(id) ?? []).forEach((group) => group.remove());
    drawn.delete(id);
  }

  /** @param {any} element @param {any} group @param {boolean} main */
  function groupNode(element, group, main) {
    const issues = main && element.variable ? issuesOf(store, element.variable).filter((issue) => issue.severity !== "note") : [];
    const errors = issues.some((issue) => issue.severity === "error");
    const classes = [
      "element", group.role, ...group.classes, store.selection.includes(element.id) && "selected",
      errors && "has-error", issues.length && !errors && "has-warning",
    ];
    const result = svg("g", { class: classes.filter(Boolean).join(" "), "data-element": element.id });
    for (const shape of group.shapes) result.append(shapeNode(shape));
    if (group.role === "link" || group.role === "pipe") addWide(result, group);
    if (!main) return result;
    setAll(result, {
      id: prefix + element.id.replace(/[^\w-]/g, "_"), role: "button", "data-name": element.variable || element.text,
      "data-kind": element.kind, tabindex: store.focused === element.id ? "0" : "-1",
      "aria-label": describeElement(store, element),
    });
    if (group.role !== "link") addHit(result, element, group);
    if (element.kind === "stock") addSpark(result, element);
    if (issues.length) addMark(result, element, errors);
    return result;
  }

  /** A wider line that is easier to hit. @param {SVGElement} result @param {any} group */
  function addWide(result, group) {
    const line = group.shapes.find((/** @type {any} */ shape) => shape.role === "line" || shape.role === "pipe");
    if (line) result.prepend(svg("path", { class: "hit wide", d: pathData(line.steps) }));
  }

  /** @param {SVGElement} result @param {any} element @param {any} group */
  function addHit(result, element, group) {
    const symbol = group.shapes.find((/** @type {any} */ shape) => shape.type !== "text") ?? group.shapes[0];
    if (!symbol) return;
    const box = shapeBounds(symbol);
    const width = Math.max(box.right - box.left, LEAST_HIT);
    const height = Math.max(box.bottom - box.top, LEAST_HIT);
    const frame = element.kind === "group";
    result.prepend(svg("rect", {
      class: frame ? "hit frame" : "hit", x: (box.left + box.right - width) / 2, y: (box.top + box.bottom - height) / 2, width, height, rx: 4,
    }));
  }

  /** @param {SVGElement} result @param {any} element @param {boolean} error */
  function addMark(result, element, error) {
    const { shapes } = element.groups[element.groups.length - 1];
    const box = shapeBounds(shapes.find((/** @type {any} */ shape) => shape.type !== "text") ?? shapes[0]);
    const off = element.kind === "stock" ? 0 : 4;
    const [x, y] = [box.right + off, box.top - off];
    result.append(
      svg("g", { class: error ? "mark error" : "mark warning", transform: `translate(${x} ${y})`, "aria-hidden": "true" },
        svg("circle", { r: 7 }), svg("text", { y: 4, "text-anchor": "middle", "font-size": 11, text: error ? "!" : "?" })),
    );
  }

  /** @param {SVGElement} result @param {any} element */
  function addSpark(result, element) {
    const values = sparks.get(element.id);
    const box = element.groups[element.groups.length - 1].shapes.find((/** @type {any} */ shape) => shape.role === "stock");
    if (!values || !box || box.width < SPARK_LEAST[0] || box.height < SPARK_LEAST[1]) return;
    const path = svg("path", { class: "spark", d: sparkData(values, box) });
    result.querySelector(".stock")?.after(path);
  }

  /** @param {Map<string, Float64Array>} values by id of the stock */
  function setSparks(values) {
    sparks = values;
    for (const [id, groups] of drawn) {
      const element = store.elements.get(id);
      if (element?.kind !== "stock") continue;
      const main = groups[groups.length - 1];
      main.querySelector(".spark")?.remove();
      addSpark(main, element);
    }
  }

  /** @param {string} id @returns {any} */
  function mainOf(id) {
    const groups = drawn.get(id);
    return groups?.[groups.length - 1] ?? null;
  }

  /** One element of the diagram can be reached by Tab. */
  function rove() {
    if (!store.focused || !drawn.has(store.focused)) {
      const first = [...store.elements.values()].find((element) => element.kind === "stock" && drawn.get(element.id)?.length)
        ?? [...store.elements.values()].find((element) => drawn.get(element.id)?.length);
      store.focused = first?.id ?? null;
    }
    node.setAttribute("tabindex", store.focused ? "-1" : "0");
    for (const [id] of drawn) mainOf(id)?.setAttribute("tabindex", id === store.focused ? "0" : "-1");
  }

  /** @param {string | null} id */
  function focusOn(id) {
    if (id) store.focused = id;
    rove();
    const main = store.focused ? mainOf(store.focused) : null;
    (main ?? node).focus({ preventScroll: true });
    if (main) reveal(/** @type {string} */ (store.focused), false);
  }

  function place() {
    viewport.setAttribute("transform", `translate(${camera.x} ${camera.y}) scale(${camera.scale})`);
    canvas.classList.toggle("far", 12 * camera.scale < SMALLEST_WORDS);
    diagram.onCamera.forEach((callback) => callback());
  }

  function fit() {
    const width = node.clientWidth;
    const height = node.clientHeight;
    if (!width || !height || !store.scene) return;
    const [left, top, right, bottom] = store.scene.bounds;
    const across = right - left + 2 * FIT_MARGIN;
    const down = bottom - top + 2 * FIT_MARGIN;
    const empty = !store.elements.size; // an empty sheet begins at its corner, at full size
    camera.scale = empty ? 1 : Math.min(width / across, height / down, 1.6);
    camera.x = empty ? 0 : (width - (left + right) * camera.scale) / 2;
    camera.y = empty ? 0 : (height - (top + bottom) * camera.scale) / 2;
    camera.fitted = true;
    place();
  }

  /** @param {number} factor @param {[number, number]} [at] in pixels of the canvas */
  function zoomBy(factor, at = [node.clientWidth / 2, node.clientHeight / 2]) {
    const scale = Math.min(Math.max(camera.scale * factor, 0.05), 8);
    camera.x = at[0] - ((at[0] - camera.x) * scale) / camera.scale;
    camera.y = at[1] - ((at[1] - camera.y) * scale) / camera.scale;
    camera.scale = scale;
    camera.fitted = false;
    place();
  }

  /** @param {number} dx @param {number} dy */
  function panBy(dx, dy) {
    camera.x += dx;
    camera.y += dy;
    camera.fitted = false;
    place();
  }

  /** Bring an element into sight. @param {string} id @param {boolean} [middle] */
  function reveal(id, middle = true) {
    const element = store.elements.get(id);
    if (!element) return;
    const at = element.kind === "connector" ? linkPlace(element) : [element.x, element.y];
    const [x, y] = toScreen(/** @type {[number, number]} */ (at));
    const margin = 40;
    const inside = x > margin && y > margin && x < node.clientWidth - margin && y < node.clientHeight - margin;
    if (inside && !middle) return;
    panBy(node.clientWidth / 2 - x, node.clientHeight / 2 - y);
  }

  /** @param {any} element */
  function linkPlace(element) {
    const box = elementBounds(element);
    return [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  }

  /** @param {number} clientX @param {number} clientY @returns {[number, number]} */
  function toDiagram(clientX, clientY) {
    const box = canvas.getBoundingClientRect();
    return [(clientX - box.left - camera.x) / camera.scale, (clientY - box.top - camera.y) / camera.scale];
  }

  /** @param {[number, number]} point @returns {[number, number]} */
  function toScreen([x, y]) {
    return [x * camera.scale + camera.x, y * camera.scale + camera.y];
  }

  /** @returns {[number, number]} */
  function centre() {
    const box = canvas.getBoundingClientRect();
    return toDiagram(box.left + box.width / 2, box.top + box.height / 2);
  }

  /**
   * Show elements as they would be: moved ones are shifted, touched ones have other shapes; null ends it.
   * @param {{shifted: Set<string>, dx: number, dy: number, redrawn: Map<string, any[]>} | null} change
   */
  function preview(change) {
    for (const group of canvas.querySelectorAll(".shifted")) {
      group.classList.remove("shifted");
      group.removeAttribute("transform");
    }
    if (!change) return;
    for (const id of change.shifted) {
      for (const group of drawn.get(id) ?? []) {
        group.classList.add("shifted");
        group.setAttribute("transform", `translate(${change.dx} ${change.dy})`);
      }
    }
    for (const [id, groups] of change.redrawn) draw({ ...store.elements.get(id), groups });
  }

  new ResizeObserver(() => {
    if (camera.fitted) fit();
  }).observe(node);
  return diagram;
}

/** A grey box for what the file draws and we do not know. @param {any} element */
function placeholder({ x, y, width, height, text }) {
  const size = { width: Math.max(width, 40), height: Math.max(height, 20) };
  const box = { type: "box", x, y, ...size, stroke: "#7A7A7A", line: 1, fill: "", radius: 3, dash: [4, 3], role: "" };
  const words = { type: "text", x, lines: [[y + 4, text || "unknown"]], y, size: 11, colour: "#404040", bold: false, italic: true, anchor: "middle", halo: false, role: "" };
  return [{ id: "", role: "other", classes: [], data: {}, title: text, shapes: [box, words] }];
}

/** A curve with the least and the largest value of each pixel. @param {Float64Array} values @param {any} box */
function sparkData(values, box) {
  const [width, height] = [box.width - 6, box.height - 8];
  const columns = Math.min(Math.ceil(width), values.length);
  /** @type {number[][]} */
  const known = Array.from({ length: columns }, () => []);
  values.forEach((value, i) => Number.isFinite(value) && known[Math.floor((i * columns) / values.length)].push(value));
  const low = Math.min(...known.map((some) => Math.min(...some)));
  const span = Math.max(...known.map((some) => Math.max(...some))) - low || 1;
  let pen = "M";
  let data = "";
  known.forEach((some, i) => {
    const x = (box.x - width / 2 + (width * i) / Math.max(columns - 1, 1)).toFixed(1);
    const rises = some[0] <= some[some.length - 1];
    for (const value of rises ? [Math.min(...some), Math.max(...some)] : [Math.max(...some), Math.min(...some)]) {
      if (some.length) data += `${pen}${x},${(box.y + height / 2 - (height * (value - low)) / span).toFixed(1)}`;
      pen = some.length ? "L" : "M";
    }
  });
  return data;
}
