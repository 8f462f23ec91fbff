// What a drag shows before it is sent: the moved elements, their pipes and their links, and nothing else.

import { arcMiddle, clippedCurve, isLevel, leavingAngle, linkCurve, onPipe, pipePoints, withMovedEnd } from "./geometry.js";
import { linkShapes, pipeShapes, valveShape } from "./redrawing.js";
import { linkOutlines } from "./shapes.js";
import { sortedPlaces } from "./snapping.js";

const LINK_COLOUR = "#4F6F8F";
const MOVABLE = ["stock", "flow", "auxiliary", "cloud", "alias", "text", "module", "group"];

/** @param {any} element */
export function isMovable(element) {
  return MOVABLE.includes(element.kind);
}

/** @param {any} shape @param {number} dx @param {number} dy */
function shiftedShape(shape, dx, dy) {
  if (shape.type === "text") {
    return { ...shape, x: shape.x + dx, y: shape.y + dy, lines: shape.lines.map((/** @type {[number, string]} */ [y, words]) => [y + dy, words]) };
  }
  if (shape.type === "box") return { ...shape, x: shape.x + dx, y: shape.y + dy };
  const shift = ([x, y]) => [x + dx, y + dy];
  return { ...shape, steps: shape.steps.map((/** @type {[string, any[]]} */ [letter, points]) => [letter, points.map(shift)]) };
}

/** An element somewhere else, with its shapes. @param {any} element @param {number} dx @param {number} dy */
export function shiftedElement(element, dx, dy) {
  const groups = element.groups.map((/** @type {any} */ group) => ({
    ...group, shapes: group.shapes.map((/** @type {any} */ shape) => shiftedShape(shape, dx, dy)),
  }));
  return { ...element, x: element.x + dx, y: element.y + dy, groups };
}

/**
 * New shapes in the colours of those whose place they take; plain where those need dark edges.
 * @param {any[]} shapes
 * @param {any[]} old
 */
function inColoursOf(shapes, old) {
  if (old.some((shape) => shape.role === "casing")) return shapes;
  return shapes.map((shape) => {
    const before = old.find(({ role }) => role === shape.role);
    return before ? { ...shape, stroke: before.stroke, fill: before.fill } : shape;
  });
}

/**
 * A flow with another pipe or another place of its valve.
 * @param {any} flow
 * @param {(id: string) => any} elementOf
 * @param {[number, number][]} raw the pipe's points from end to end
 * @param {[number, number]} valve
 */
export function reshapedFlow(flow, elementOf, raw, valve) {
  const moved = { ...flow, points: raw };
  const points = pipePoints(moved, elementOf);
  const at = points.length > 1 ? onPipe(points, valve) : valve;
  const [dx, dy] = [at[0] - flow.x, at[1] - flow.y];
  const groups = flow.groups.map((/** @type {any} */ group) => {
    const twoWay = group.shapes.some((/** @type {any} */ shape) => shape.role === "backhead");
    if (group.role === "pipe") return { ...group, shapes: inColoursOf(pipeShapes(points, twoWay), group.shapes) };
    const names = group.shapes.filter((/** @type {any} */ shape) => shape.type === "text");
    const valves = inColoursOf([valveShape(at, points)], group.shapes);
    return { ...group, shapes: [...valves, ...names.map((/** @type {any} */ shape) => shiftedShape(shape, dx, dy))] };
  });
  return { ...moved, x: at[0], y: at[1], groups };
}

/**
 * A connector between elements that may have moved.
 * @param {any} link
 * @param {(id: string) => any} elementOf
 * @returns {any}
 */
export function reclippedLink(link, elementOf) {
  const [source, target] = [elementOf(link.source), elementOf(link.target)];
  if (!source || !target) return link;
  const curve = linkCurve(link, [source.x, source.y], [target.x, target.y]);
  const dash = link.groups[0]?.shapes.find((/** @type {any} */ shape) => shape.role === "line")?.dash ?? [];
  const shapes = linkShapes(clippedCurve(curve, linkOutlines(source), linkOutlines(target)), LINK_COLOUR, { delay: link.delay, dash });
  const sign = link.groups[0]?.shapes.find((/** @type {any} */ shape) => shape.role === "sign");
  const tip = curve[curve.length - 1];
  const old = link.tip ?? tip;
  const signs = sign ? [shiftedShape(sign, tip[0] - old[0], tip[1] - old[1])] : [];
  const groups = link.groups.map((/** @type {any} */ group) => ({ ...group, shapes: [...inColoursOf(shapes, group.shapes), ...signs] }));
  return { ...link, groups };
}

/**
 * Everything that changes when some elements are dragged.
 * @param {import("./store.js").Store} store
 * @param {string[]} ids
 * @param {number} dx
 * @param {number} dy
 */
export function dragPreview(store, ids, dx, dy) {
  const shifted = new Set(ids);
  /** @type {Map<string, any>} */
  const moved = new Map();
  const elementOf = (/** @type {string} */ id) => moved.get(id) ?? store.elements.get(id);
  /** @type {Map<string, any[]>} */
  const redrawn = new Map();
  const flows = touching(store, "flow", shifted);
  for (const id of ids) {
    const element = store.elements.get(id);
    if (element.kind !== "flow") moved.set(id, shiftedElement(element, dx, dy));
  }
  for (const flow of flows) {
    const ends = /** @type {("source" | "target")[]} */ (["source", "target"]).filter((end) => shifted.has(flow[end]));
    if (shifted.has(flow.id) && ends.length === 2) {
      moved.set(flow.id, shiftedElement({ ...flow, points: flow.points.map(([x, y]) => [x + dx, y + dy]) }, dx, dy));
      continue;
    }
    shifted.delete(flow.id);
    let points = flow.points;
    for (const end of ends) points = points.length > 1 ? withMovedEnd(points, end, dx, dy, elementOf(flow[end])) : points;
    const valve = movedValve(flow, points, ids.includes(flow.id) ? [dx, dy] : null);
    const result = reshapedFlow(flow, elementOf, points, valve);
    moved.set(flow.id, result);
    redrawn.set(flow.id, result.groups);
  }
  for (const link of touching(store, "connector", new Set(moved.keys()))) {
    const changed = movedLink(store, link, elementOf);
    redrawn.set(link.id, reclippedLink(changed, elementOf).groups);
  }
  return { shifted, dx, dy, redrawn, moved };
}

/**
 * Where the elements in sight are that stay when some are dragged.
 * @param {import("./store.js").Store} store
 * @param {string[]} ids
 * @param {any} diagram
 */
export function neighboursOf(store, ids, diagram) {
  const { moved } = dragPreview(store, ids, 1, 1);
  const inSight = ([x, y]) => x >= 0 && y >= 0 && x <= diagram.node.clientWidth && y <= diagram.node.clientHeight;
  const staying = [...store.elements.values()].filter((one) =>
    isMovable(one) && one.kind !== "group" && !moved.has(one.id) && inSight(diagram.toScreen([one.x, one.y])));
  return sortedPlaces(staying);
}

/** @param {import("./store.js").Store} store @param {string} kind @param {Set<string>} ids */
function touching(store, kind, ids) {
  return [...store.elements.values()].filter(
    (element) => element.kind === kind && (ids.has(element.id) || ids.has(element.source) || ids.has(element.target)),
  );
}

/** The valve keeps its share of a straight pipe. @param {any} flow @param {[number, number][]} points @param {[number, number] | null} by */
function movedValve(flow, points, by) {
  if (by) return /** @type {[number, number]} */ ([flow.x + by[0], flow.y + by[1]]);
  const [start, stop] = [flow.points[0], flow.points[flow.points.length - 1]];
  if (points.length < 2 || !start) return /** @type {[number, number]} */ ([flow.x, flow.y]);
  const along = isLevel(start, stop) ? 0 : 1;
  const share = stop[along] === start[along] ? 0.5 : ([flow.x, flow.y][along] - start[along]) / (stop[along] - start[along]);
  const last = points[points.length - 1];
  /** @type {[number, number]} */
  const valve = [flow.x, flow.y];
  valve[along] = points[0][along] + share * (last[along] - points[0][along]);
  return valve;
}

/** @param {import("./store.js").Store} store @param {any} link @param {(id: string) => any} elementOf */
function movedLink(store, link, elementOf) {
  const ends = [link.source, link.target].map((id) => ({ old: store.elements.get(id), now: elementOf(id) }));
  if (ends.some(({ old, now }) => !old || !now)) return link;
  const [from, to] = ends.map(({ now }) => /** @type {[number, number]} */ ([now.x, now.y]));
  const tip = [ends[1].old.x, ends[1].old.y];
  if (link.angle !== null && link.angle !== undefined && link.control) {
    const [start, stop] = ends.map(({ old }) => /** @type {[number, number]} */ ([old.x, old.y]));
    const turn = leavingAngle(from, null, to) - leavingAngle(start, null, stop); // the bow stays
    return { ...link, tip, control: arcMiddle(from, to, link.angle + turn) };
  }
  if (!link.control) return { ...link, tip };
  const shift = [0, 1].map((axis) => ends.reduce((sum, { old, now }) => sum + ((axis ? now.y - old.y : now.x - old.x) / 2), 0));
  return { ...link, tip, control: [link.control[0] + shift[0], link.control[1] + shift[1]] };
}
