// Shapes of the scene as SVG; known colours become classes so that dark mode can turn them.

import { svg } from "./dom.js";
import { VALVE_HALF } from "./geometry.js";

/** @type {Object<string, string>} */
const PALETTE = {
  "#000000": "ink", "#FFFFFF": "paper", "#737373": "quiet", "#404040": "words", "#7A7A7A": "lighter",
  "#4F6F8F": "link", "#0072B2": "plus", "#D55E00": "minus", "#B84E00": "minus", "#5F5F5F": "unsure",
};

const DARK_PAPER = "#1b1e22"; // as the style sheet has it
const [LINE_CONTRAST, WORD_CONTRAST] = [3, 4.5];
const KNOWS_BOTH = CSS.supports("color", "light-dark(#000, #fff)"); // older browsers show the file's colour on both pages

/** @param {number} value */
function coordinate(value) {
  return String(Math.round(value * 100) / 100);
}

/**
 * Classes and attributes that paint a shape.
 * @param {string} colour
 * @param {"fill" | "stroke"} use
 * @param {number} [least] contrast to the paper of a dark page; 0 for a colour that is the same on both pages
 */
function painted(colour, use, least = LINE_CONTRAST) {
  if (!colour) return { names: use === "fill" ? ["f-none"] : [], attributes: {} };
  const known = PALETTE[colour.toUpperCase()];
  if (known && least) return { names: [`${use[0]}-${known}`], attributes: {} };
  const dark = lightened(colour, least);
  return { names: ["own"], attributes: { [use]: dark === colour || !KNOWS_BOTH ? colour : `light-dark(${colour}, ${dark})` } };
}

/** Relative luminance, as in diagrams/contrast.py. @param {number[]} parts red, green and blue from 0 to 255 */
function luminance(parts) {
  const [red, green, blue] = parts.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/**
 * A colour with as much white, and so the same hue, as lets it stand out from the dark paper.
 * @param {string} colour as #RRGGBB
 * @param {number} least
 */
export function lightened(colour, least) {
  const partsOf = (/** @type {string} */ text) => [1, 3, 5].map((place) => parseInt(text.slice(place, place + 2), 16));
  const ground = luminance(partsOf(DARK_PAPER)) + 0.05;
  const own = partsOf(colour);
  let parts = own;
  for (let white = 0.02; (luminance(parts) + 0.05) / ground < least; white += 0.02) {
    parts = own.map((part) => Math.round(part + (255 - part) * Math.min(white, 1)));
  }
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`.toUpperCase();
}

/**
 * The `d` of a path.
 * @param {any[]} pathSteps
 */
export function pathData(pathSteps) {
  return pathSteps
    .map(([letter, points]) => letter + points.map((/** @type {number[]} */ point) => point.map(coordinate).join(",")).join(" "))
    .join(" ");
}

/**
 * A shape of the scene as a node.
 * @param {any} shape
 * @returns {SVGElement}
 */
export function shapeNode(shape) {
  if (shape.type === "text") return wordsNode(shape);
  // words were chosen for the fill they stand on, and lines for the dark edges beside them
  const known = PALETTE[shape.fill.toUpperCase()];
  const fill = painted(shape.fill, "fill", known || shape.role === "arrowhead" ? LINE_CONTRAST : 0);
  const stroke = painted(shape.stroke, "stroke", shape.role === "casing" ? 0 : LINE_CONTRAST);
  const attributes = {
    class: ["shape", shape.role, ...fill.names, ...stroke.names].filter(Boolean).join(" "),
    ...fill.attributes,
    ...stroke.attributes,
    "stroke-width": shape.stroke ? coordinate(shape.line) : null,
    "stroke-dasharray": shape.dash?.length ? shape.dash.join(" ") : null,
  };
  if (shape.type === "box") {
    return svg("rect", {
      ...attributes, x: coordinate(shape.x - shape.width / 2), y: coordinate(shape.y - shape.height / 2),
      width: coordinate(shape.width), height: coordinate(shape.height), rx: shape.radius || null,
    });
  }
  return svg("path", { ...attributes, d: pathData(shape.steps) });
}

/** @param {any} shape */
function wordsNode(shape) {
  const fill = painted(shape.colour, "fill", shape.ground ? 0 : WORD_CONTRAST);
  const node = svg("text", {
    class: ["words", shape.role, shape.halo && "halo", shape.bold && "bold", shape.italic && "italic", ...fill.names]
      .filter(Boolean).join(" "),
    ...fill.attributes,
    "font-size": shape.size,
    "text-anchor": shape.anchor,
  });
  for (const [y, words] of shape.lines) {
    node.append(svg("tspan", { x: coordinate(shape.x), y: coordinate(y), text: words }));
  }
  return node;
}

/** @type {CanvasRenderingContext2D | null} */
let measuring = null;

/**
 * Width of one line of text on the diagram.
 * @param {string} words
 * @param {number} size
 * @param {boolean} [bold]
 */
export function wordsWidth(words, size, bold = false) {
  measuring ??= document.createElement("canvas").getContext("2d");
  if (!measuring) return words.length * size * 0.6;
  measuring.font = `${bold ? "bold " : ""}${size}px "DejaVu Sans", Verdana, Geneva, sans-serif`;
  return measuring.measureText(words).width;
}

/**
 * The box of a text shape.
 * @param {any} shape
 * @returns {import("./geometry.js").Bounds}
 */
export function wordsBounds(shape) {
  const width = Math.max(...shape.lines.map((/** @type {[number, string]} */ [, words]) => wordsWidth(words, shape.size, shape.bold)));
  const share = { start: 0, middle: 0.5, end: 1 }[/** @type {"start" | "middle" | "end"} */ (shape.anchor)];
  const left = shape.x - width * share;
  const half = (shape.lines.length * 1.2 * shape.size) / 2;
  return { left, top: shape.y - half, right: left + width, bottom: shape.y + half };
}

/**
 * The box of a rectangle or a path.
 * @param {any} shape
 * @returns {import("./geometry.js").Bounds}
 */
export function shapeBounds(shape) {
  if (shape.type === "text") return wordsBounds(shape);
  if (shape.type === "box") {
    const [across, down] = [shape.width / 2, shape.height / 2];
    return { left: shape.x - across, top: shape.y - down, right: shape.x + across, bottom: shape.y + down };
  }
  const points = shape.steps.flatMap((/** @type {any} */ [, way]) => way);
  const xs = points.map((/** @type {number[]} */ point) => point[0]);
  const ys = points.map((/** @type {number[]} */ point) => point[1]);
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

/**
 * The boxes at which links to an element end.
 * @param {any} element
 * @returns {import("./geometry.js").Bounds[]}
 */
export function linkOutlines(element) {
  const shapes = element.groups.flatMap((/** @type {any} */ group) => (group.role === "pipe" ? [] : group.shapes));
  const texts = shapes.filter((/** @type {any} */ shape) => shape.type === "text");
  const around = (/** @type {number} */ across, /** @type {number} */ down) => ({
    left: element.x - across, top: element.y - down, right: element.x + across, bottom: element.y + down,
  });
  if (element.kind === "flow") return [around(VALVE_HALF, VALVE_HALF), ...texts.map(wordsBounds)];
  const symbol = shapes.find((/** @type {any} */ shape) => shape.type !== "text");
  if (!symbol) return texts.slice(0, 1).map(wordsBounds);
  const box = shapeBounds(symbol);
  const share = symbol.type === "path" ? 0.85 : 1;
  return [around(((box.right - box.left) / 2) * share, ((box.bottom - box.top) / 2) * share)];
}

/**
 * The box of a whole element.
 * @param {any} element
 * @returns {import("./geometry.js").Bounds}
 */
export function elementBounds(element) {
  const boxes = element.groups.flatMap((/** @type {any} */ group) => group.shapes.map(shapeBounds));
  if (!boxes.length) return { left: element.x - 8, top: element.y - 8, right: element.x + 8, bottom: element.y + 8 };
  return {
    left: Math.min(...boxes.map((/** @type {any} */ box) => box.left)),
    top: Math.min(...boxes.map((/** @type {any} */ box) => box.top)),
    right: Math.max(...boxes.map((/** @type {any} */ box) => box.right)),
    bottom: Math.max(...boxes.map((/** @type {any} */ box) => box.bottom)),
  };
}
