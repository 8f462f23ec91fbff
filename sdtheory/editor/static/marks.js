// What lies over the drawing: rings, handles, the place of a tool, the colours of loops.

import { svg } from "./dom.js";
import { clippedCurve, isLevel, linkCurve, pipePoints } from "./geometry.js";
import { elementBounds, linkOutlines } from "./shapes.js";

/**
 * Rings round what is selected, and handles of a single selected element.
 * @param {import("./store.js").Store} store
 * @param {any} diagram
 */
export function drawHandles(store, diagram) {
  const scale = diagram.camera.scale;
  diagram.handles.replaceChildren();
  for (const id of store.selection) {
    const element = store.elements.get(id);
    if (element && element.kind !== "connector") diagram.handles.append(ringNode(element, scale));
  }
  for (const [id, groups] of selectedGroups(store, diagram)) {
    groups.forEach((group) => group.classList.toggle("selected", store.selection.includes(id)));
  }
  if (store.selection.length !== 1 || store.scene.read_only) return;
  const element = store.elements.get(store.selection[0]);
  if (element) for (const handle of handlesOf(store, element, scale)) diagram.handles.append(handle);
}

/** @param {import("./store.js").Store} store @param {any} diagram @returns {[string, Element[]][]} */
function selectedGroups(store, diagram) {
  const shown = [...diagram.canvas.querySelectorAll(".element.selected")].map((group) => group.getAttribute("data-element"));
  return [...new Set([...shown, ...store.selection])].map((id) => [id, diagram.groupsOf(id)]);
}

/** @param {any} element @param {number} scale */
function ringNode(element, scale) {
  const main = { ...element, groups: element.groups.slice(-1) };
  const symbols = main.groups.map((/** @type {any} */ group) => ({
    ...group, shapes: group.shapes.filter((/** @type {any} */ shape) => shape.type !== "text"),
  }));
  const box = elementBounds(symbols.some((/** @type {any} */ group) => group.shapes.length) ? { ...main, groups: symbols } : main);
  const gap = 5 / scale;
  return svg("rect", {
    class: "ring", x: box.left - gap, y: box.top - gap, width: box.right - box.left + 2 * gap, height: box.bottom - box.top + 2 * gap, rx: 6 / scale,
  });
}

/** @param {string} what @param {string} id @param {number[]} at @param {number} scale @param {string} title */
function handleNode(what, id, at, scale, title) {
  return svg("g", { class: "handle", "data-handle": what, "data-element": id, transform: `translate(${at[0]} ${at[1]}) scale(${1 / scale})` },
    svg("title", { text: title }), svg("circle", { class: "grip-hit", r: 12 }), svg("circle", { class: "grip", r: 5 }));
}

/** @param {import("./store.js").Store} store @param {any} element @param {number} scale */
function handlesOf(store, element, scale) {
  const elementOf = (/** @type {string} */ id) => store.elements.get(id);
  if (element.kind === "connector") {
    const middle = arcHandlePlace(store, element);
    return middle ? [handleNode("control", element.id, middle, scale, "bend the link")] : [];
  }
  if (element.kind === "stock" && element.width && element.height) {
    return [handleNode("size", element.id, [element.x + element.width / 2, element.y + element.height / 2], scale, "size")];
  }
  if (element.kind !== "flow" || element.points.length < 2) return [];
  const points = pipePoints(element, elementOf);
  const inner = handleNumbers(element.points, scale).map(({ what, at, title }) => handleNode(what, element.id, at, scale, title));
  return [
    handleNode("source", element.id, points[0], scale, "where it comes from"),
    ...inner,
    handleNode("target", element.id, points[points.length - 1], scale, "where it goes"),
  ];
}

/** Bends that can be dragged, and pieces that can be pulled aside. @param {[number, number][]} points @param {number} scale */
function handleNumbers(points, scale) {
  const found = [];
  for (let i = 1; i + 1 < points.length; i += 1) {
    if (isLevel(points[i - 1], points[i]) !== isLevel(points[i], points[i + 1])) {
      found.push({ what: `bend:${i}`, at: points[i], title: "drag the bend" });
    }
  }
  for (let i = 0; i + 1 < points.length; i += 1) {
    const at = [points[i][0] * 0.75 + points[i + 1][0] * 0.25, points[i][1] * 0.75 + points[i + 1][1] * 0.25];
    if (Math.hypot(points[i + 1][0] - points[i][0], points[i + 1][1] - points[i][1]) * scale > 90) {
      found.push({ what: `pull:${i}`, at, title: "pull the pipe aside" });
    }
  }
  return found;
}

/** @param {import("./store.js").Store} store @param {any} link */
function arcHandlePlace(store, link) {
  const source = store.elements.get(link.source);
  const target = store.elements.get(link.target);
  if (!source || !target) return null;
  if (link.control && !link.delay) return link.control;
  const curve = linkCurve(link, [source.x, source.y], [target.x, target.y]);
  if (!link.delay) return curve[Math.floor(curve.length / 2)];
  const seen = clippedCurve(curve, linkOutlines(source), linkOutlines(target));
  return seen[Math.floor(seen.length / 4)] ?? null; // beside the strokes, which it would hide
}

/**
 * The place where a tool would act.
 * @param {any} diagram
 * @param {[number, number] | null} at
 * @param {[number, number] | null} [from]
 */
export function drawCrosshair(diagram, at, from = null) {
  diagram.marks.querySelectorAll(".crosshair, .rubber").forEach((/** @type {Element} */ old) => old.remove());
  if (from && at) diagram.marks.append(svg("path", { class: "rubber", d: `M${from[0]},${from[1]}L${at[0]},${at[1]}` }));
  if (!at) return;
  const size = 12 / diagram.camera.scale;
  diagram.marks.append(svg("path", {
    class: "crosshair", d: `M${at[0] - size},${at[1]}h${2 * size}M${at[0]},${at[1] - size}v${2 * size}`,
  }));
}

/**
 * Thin lines through a dragged element and the neighbours that it is in line with.
 * @param {any} diagram
 * @param {{axis: "x" | "y", from: {x: number, y: number}, to: {x: number, y: number}}[]} guides
 */
export function drawGuides(diagram, guides) {
  diagram.marks.querySelectorAll(".guide").forEach((/** @type {Element} */ old) => old.remove());
  const beyond = 24 / diagram.camera.scale;
  for (const { axis, from, to } of guides) {
    const along = axis === "x" ? "y" : "x";
    const [start, stop] = [Math.min(from[along], to[along]) - beyond, Math.max(from[along], to[along]) + beyond];
    const d = axis === "x" ? `M${from.x},${start}V${stop}` : `M${start},${from.y}H${stop}`;
    diagram.marks.append(svg("path", { class: "guide", "data-axis": axis, d }));
  }
}

/**
 * Paint links by their share of what happens; an empty map takes the paint away.
 * @param {any} diagram
 * @param {Map<string, {share: number, kind: "reinforcing" | "balancing" | "unknown", strong: boolean}>} links
 * @param {string[]} members ids of elements on the way
 */
export function paintLinks(diagram, links, members = []) {
  const classes = ["lit", "strong", "reinforcing", "balancing", "unknown", "member"];
  for (const group of diagram.canvas.querySelectorAll(".lit, .member")) group.classList.remove(...classes);
  diagram.canvas.classList.toggle("painted", links.size > 0);
  for (const [id, { share, kind, strong }] of links) {
    for (const group of diagram.groupsOf(id)) {
      group.classList.add("lit", kind);
      group.classList.toggle("strong", strong);
      group.style.setProperty("--share", String(Math.max(share, 0.15)));
    }
  }
  for (const id of members) for (const group of diagram.groupsOf(id)) group.classList.add("member");
}

/**
 * Letters R or B with their number in the middle of a loop.
 * @param {any} diagram
 * @param {{words: string, kind: string, at: [number, number]} | null} badge
 */
export function drawBadge(diagram, badge) {
  diagram.marks.querySelectorAll(".badge").forEach((/** @type {Element} */ old) => old.remove());
  if (!badge) return;
  diagram.marks.append(svg("g", { class: `badge ${badge.kind}`, transform: `translate(${badge.at[0]} ${badge.at[1]})` },
    svg("circle", { r: 17 }), svg("text", { y: 5, "text-anchor": "middle", "font-size": 14, text: badge.words })));
}
