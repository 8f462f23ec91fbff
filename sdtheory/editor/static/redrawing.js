// Shapes of links and pipes that move under the pointer, as diagrams/ draws them.

import { VALVE_HALF, delayStrokes, isLevel, segmentOf } from "./geometry.js";

/** @typedef {import("./geometry.js").Point} Point */

const PIPE_HEAD = 11;

/**
 * The shapes of a connector along its clipped curve.
 * @param {Point[]} curve
 * @param {string} colour
 * @param {{delay: boolean, dash: number[]}} look
 */
export function linkShapes(curve, colour, look) {
  if (curve.length < 3) return [];
  const stroke = { stroke: colour, fill: "", dash: [] };
  const marks = look.delay ? delayStrokes(curve).map((points) => ({ type: "path", steps: steps(points), ...stroke, line: 1.6, role: "delay" })) : [];
  const tip = curve[curve.length - 1];
  let back = curve.length - 1;
  while (back > 0 && Math.hypot(curve[back][0] - tip[0], curve[back][1] - tip[1]) < 8) back -= 1;
  const length = Math.hypot(tip[0] - curve[back][0], tip[1] - curve[back][1]) || 1;
  const way = [(tip[0] - curve[back][0]) / length, (tip[1] - curve[back][1]) / length];
  const base = [tip[0] - way[0] * 8, tip[1] - way[1] * 8];
  const half = 3.5;
  const line = curve.filter((_, i) => i % 6 === 0 && i < back).concat([curve[back]]);
  return [
    { type: "path", steps: steps(line), ...stroke, line: 1, dash: look.dash, role: "line" },
    {
      type: "path",
      steps: steps([tip, [base[0] - way[1] * half, base[1] + way[0] * half], [base[0] + way[1] * half, base[1] - way[0] * half]], true),
      stroke: "", line: 1, fill: colour, dash: [], role: "arrowhead",
    },
    ...marks,
  ];
}

/**
 * Steps of a path through points.
 * @param {number[][]} points
 * @param {boolean} [closed]
 * @returns {any[]}
 */
function steps(points, closed = false) {
  const way = points.map((point, i) => [i ? "L" : "M", [point]]);
  return closed ? [...way, ["Z", []]] : way;
}

/**
 * The shapes of a pipe.
 * @param {Point[]} points
 * @param {boolean} twoWay
 */
export function pipeShapes(points, twoWay) {
  const count = points.length;
  const inner = points.map((point) => point.slice());
  inner[count - 1] = toward(points[count - 1], points[count - 2], PIPE_HEAD * 0.7);
  if (twoWay) inner[0] = toward(points[0], points[1], PIPE_HEAD * 0.7);
  const line = (/** @type {string} */ stroke, /** @type {number} */ width, /** @type {string} */ role) => ({
    type: "path", steps: steps(inner), stroke, line: width, fill: "", dash: [], role,
  });
  const heads = [pipeHead(points[count - 2], points[count - 1], false)];
  if (twoWay) heads.push(pipeHead(points[1], points[0], true));
  return [line("#000000", 5, "pipe"), line("#FFFFFF", 2.6, "bore"), ...heads];
}

/** @param {Point} point @param {Point} other @param {number} by @returns {Point} */
function toward(point, other, by) {
  const length = Math.hypot(other[0] - point[0], other[1] - point[1]) || 1;
  const step = Math.min(by, length / 2) / length;
  return [point[0] + (other[0] - point[0]) * step, point[1] + (other[1] - point[1]) * step];
}

/** @param {Point} before @param {Point} tip @param {boolean} hollow */
function pipeHead(before, tip, hollow) {
  const base = toward(tip, before, PIPE_HEAD);
  const length = Math.hypot(tip[0] - base[0], tip[1] - base[1]) || 1;
  const across = [(-(tip[1] - base[1]) / length) * 6, ((tip[0] - base[0]) / length) * 6];
  const corners = [tip, [base[0] + across[0], base[1] + across[1]], [base[0] - across[0], base[1] - across[1]]];
  return {
    type: "path", steps: steps(corners, true), stroke: "#000000", line: 1, fill: hollow ? "#FFFFFF" : "#000000",
    dash: [], role: hollow ? "backhead" : "arrowhead",
  };
}

/**
 * The hourglass across a pipe.
 * @param {Point} at
 * @param {Point[]} points
 */
export function valveShape(at, points) {
  const place = points.length > 1 ? segmentOf(points, at) : 0;
  const level = points.length < 2 || isLevel(points[place], points[place + 1]);
  const [v, w] = [VALVE_HALF, VALVE_HALF * 0.8];
  const corners = level ? [[-w, -v], [w, v], [-w, v], [w, -v]] : [[-v, -w], [v, w], [v, -w], [-v, w]];
  const outline = corners.map(([dx, dy]) => [at[0] + dx, at[1] + dy]);
  return { type: "path", steps: steps(outline, true), stroke: "#000000", line: 1.2, fill: "#FFFFFF", dash: [], role: "valve" };
}
