// Plain geometry of diagrams, in pixels with y down: what diagrams/ does in Python, for what moves under the pointer.

/** @typedef {[number, number]} Point */
/** @typedef {{left: number, top: number, right: number, bottom: number}} Bounds */

export const VALVE_HALF = 8;
const LEAST_STOCK = [24, 16];

/** @param {number} value */
function wrapAngle(value) {
  return value - 2 * Math.PI * Math.round(value / (2 * Math.PI));
}

/**
 * Height over chord of the arc from one point through another to a third; positive bows to the left.
 * @param {Point} start
 * @param {Point} middle
 * @param {Point} stop
 */
export function bendThrough(start, middle, stop) {
  const chord = Math.hypot(stop[0] - start[0], stop[1] - start[1]);
  const toStart = Math.atan2(start[1] - middle[1], start[0] - middle[0]);
  const toStop = Math.atan2(stop[1] - middle[1], stop[0] - middle[0]);
  const inscribed = wrapAngle(toStop - toStart);
  if (!chord || Math.abs(Math.abs(inscribed) - Math.PI) < 1e-3 || !inscribed) return 0;
  const height = Math.tan((Math.PI - Math.abs(inscribed)) / 2) / 2;
  return inscribed > 0 ? -height : height;
}

/**
 * Points of the arc between two points.
 * @param {Point} start
 * @param {Point} stop
 * @param {number} bend
 * @param {number} count
 * @returns {Point[]}
 */
export function bentPoints(start, stop, bend, count) {
  const dx = stop[0] - start[0];
  const dy = stop[1] - start[1];
  const straight = Math.abs(bend) < 1e-3;
  const half = 2 * Math.atan(2 * bend);
  const radius = straight ? 0 : 1 / (2 * Math.sin(half));
  /** @type {Point[]} */
  const points = [];
  for (let i = 0; i < count; i += 1) {
    const share = i / (count - 1);
    const angle = half * (2 * share - 1);
    const along = straight ? share : 0.5 + radius * Math.sin(angle);
    const across = straight ? 0 : radius * (Math.cos(angle) - Math.cos(half));
    points.push([start[0] + along * dx + across * dy, start[1] + along * dy - across * dx]);
  }
  return points;
}

/**
 * Middle of the arc that leaves a point at an angle (degrees counter-clockwise from 3 o'clock); null when straight.
 * @param {Point} start
 * @param {Point} stop
 * @param {number} angle
 * @returns {Point | null}
 */
export function arcMiddle(start, stop, angle) {
  const dx = stop[0] - start[0];
  const dy = stop[1] - start[1];
  const distance = Math.hypot(dx, dy);
  const bow = wrapAngle((-angle * Math.PI) / 180 - Math.atan2(dy, dx));
  if (!distance || !Number.isFinite(bow) || Math.abs(2 * Math.sin(bow)) < 0.01) return null;
  const height = (distance / 2) * Math.tan(bow / 2);
  return [(start[0] + stop[0]) / 2 - (dy / distance) * height, (start[1] + stop[1]) / 2 + (dx / distance) * height];
}

/**
 * The direction in which the arc through a point leaves, degrees counter-clockwise from 3 o'clock.
 * @param {Point} start
 * @param {Point | null} middle null for a straight line
 * @param {Point} stop
 */
export function leavingAngle(start, middle, stop) {
  const heading = (/** @type {Point} */ from, /** @type {Point} */ to) => Math.atan2(from[1] - to[1], to[0] - from[0]);
  if (!middle) return (heading(start, stop) * 180) / Math.PI;
  const inscribed = wrapAngle(heading(stop, start) - heading(stop, middle));
  return ((heading(start, middle) + inscribed) * 180) / Math.PI;
}

/**
 * Distance of a point from the line through two others.
 * @param {Point} start
 * @param {Point} point
 * @param {Point} stop
 */
export function fromChord(start, point, stop) {
  const dx = stop[0] - start[0];
  const dy = stop[1] - start[1];
  const length = Math.hypot(dx, dy);
  if (!length) return Math.hypot(point[0] - start[0], point[1] - start[1]);
  return Math.abs(dx * (point[1] - start[1]) - dy * (point[0] - start[0])) / length;
}

/**
 * Whether a piece of a pipe runs more across than up or down.
 * @param {Point} start
 * @param {Point} stop
 */
export function isLevel(start, stop) {
  return Math.abs(stop[0] - start[0]) >= Math.abs(stop[1] - start[1]);
}

/**
 * The point of a segment that is nearest to a point.
 * @param {Point} start
 * @param {Point} stop
 * @param {Point} point
 * @returns {Point}
 */
export function onSegment(start, stop, point) {
  const dx = stop[0] - start[0];
  const dy = stop[1] - start[1];
  const length = dx * dx + dy * dy;
  const share = length ? ((point[0] - start[0]) * dx + (point[1] - start[1]) * dy) / length : 0;
  const kept = Math.min(Math.max(share, 0), 1);
  return [start[0] + kept * dx, start[1] + kept * dy];
}

/**
 * Number of the piece of a pipe that is nearest to a point.
 * @param {Point[]} points
 * @param {Point} point
 */
export function segmentOf(points, point) {
  let best = 0;
  let least = Infinity;
  for (let i = 0; i + 1 < points.length; i += 1) {
    const near = onSegment(points[i], points[i + 1], point);
    const distance = Math.hypot(near[0] - point[0], near[1] - point[1]);
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}

/**
 * The point of a pipe that is nearest to a point.
 * @param {Point[]} points
 * @param {Point} point
 * @returns {Point}
 */
export function onPipe(points, point) {
  const place = segmentOf(points, point);
  return onSegment(points[place], points[place + 1], point);
}

/**
 * The last points of a pipe that comes from `before`, the last on the border of a box.
 * @param {Point} point
 * @param {Point} before
 * @param {{x: number, y: number, width: number, height: number}} box
 * @returns {Point[]}
 */
export function onBorder(point, before, box) {
  const half = [Math.max(box.width, LEAST_STOCK[0]) / 2, Math.max(box.height, LEAST_STOCK[1]) / 2];
  const centre = [box.x, box.y];
  let along = isLevel(before, point) ? 0 : 1;
  if (Math.abs(before[along] - centre[along]) <= half[along]) along = 1 - along;
  const across = 1 - along;
  /** @type {Point} */
  const end = [0, 0];
  end[along] = centre[along] + (before[along] < centre[along] ? -half[along] : half[along]);
  const low = centre[across] - half[across] + 2;
  const high = centre[across] + half[across] - 2;
  end[across] = Math.min(Math.max(before[across], low), high);
  if (Math.abs(end[across] - before[across]) < 0.01) return [end];
  const middle = (before[along] + end[along]) / 2;
  const corners = [before[across], end[across]].map((level) => {
    /** @type {Point} */
    const corner = [0, 0];
    corner[along] = middle;
    corner[across] = level;
    return corner;
  });
  return [...corners, end];
}

/**
 * Where a pipe ends at the edge of a cloud.
 * @param {Point} point
 * @param {Point} before
 * @param {{x: number, y: number, width: number, height: number}} cloud
 * @returns {Point}
 */
export function atCloud(point, before, cloud) {
  const halfWidth = Math.max(cloud.width, 22) / 2;
  const halfHeight = Math.max(cloud.height, 16) / 2;
  if (Math.abs(point[0] - cloud.x) > halfWidth || Math.abs(point[1] - cloud.y) > halfHeight) return point;
  if (isLevel(before, point)) return [cloud.x + (before[0] > cloud.x ? halfWidth : -halfWidth), point[1]];
  return [point[0], cloud.y + (before[1] > cloud.y ? halfHeight : -halfHeight)];
}

/**
 * The drawn points of a pipe, its ends on the borders of what they touch.
 * @param {any} flow
 * @param {(id: string) => any} elementOf
 * @returns {Point[]}
 */
export function pipePoints(flow, elementOf) {
  /** @type {Point[]} */
  let points = flow.points.map((/** @type {Point} */ point) => [...point]);
  if (points.length < 2) return points;
  for (const end of ["target", "source"]) {
    const touched = flow[end] && elementOf(flow[end]);
    if (!touched) continue;
    let run = end === "target" ? points : points.slice().reverse();
    if (touched.kind === "stock" || touched.kind === "alias") {
      run = [...run.slice(0, -1), ...onBorder(run[run.length - 1], run[run.length - 2], touched)];
    } else if (touched.kind === "cloud") {
      run = [...run.slice(0, -1), atCloud(run[run.length - 1], run[run.length - 2], touched)];
    }
    points = end === "target" ? run : run.reverse();
  }
  return points;
}

/**
 * A pipe whose end goes with what it touches; pieces stay at right angles.
 * @param {Point[]} points
 * @param {"source" | "target"} end
 * @param {number} dx
 * @param {number} dy
 * @param {any} touched
 * @returns {Point[]}
 */
export function withMovedEnd(points, end, dx, dy, touched) {
  const run = (end === "target" ? points : points.slice().reverse()).map((point) => /** @type {Point} */ ([...point]));
  const last = run[run.length - 1];
  const before = run[run.length - 2];
  const level = isLevel(before, last);
  const moved = /** @type {Point} */ ([last[0] + dx, last[1] + dy]);
  const across = level ? 1 : 0;
  if (touched.kind === "stock" || touched.kind === "alias") {
    moved[across] = last[across]; // the border decides whether an angle is needed
    run[run.length - 1] = moved;
  } else if (Math.abs(moved[across] - before[across]) < 0.5) {
    run[run.length - 1] = moved;
  } else if (run.length > 2 && isLevel(run[run.length - 3], before) !== level) {
    before[across] = moved[across];
    run[run.length - 1] = moved;
  } else {
    const along = 1 - across;
    const middle = (before[along] + moved[along]) / 2;
    /** @type {Point} */
    const first = [0, 0];
    /** @type {Point} */
    const second = [0, 0];
    first[along] = second[along] = middle;
    first[across] = before[across];
    second[across] = moved[across];
    run.splice(run.length - 1, 1, first, second, moved);
  }
  return end === "target" ? run : run.reverse();
}

/**
 * The way from one place to another at right angles.
 * @param {Point} start
 * @param {Point} stop
 * @returns {Point[]}
 */
export function rightAngled(start, stop) {
  const dx = Math.abs(stop[0] - start[0]);
  const dy = Math.abs(stop[1] - start[1]);
  if (dx >= dy && dy < 12) return [start, [stop[0], start[1]]];
  if (dy > dx && dx < 12) return [start, [start[0], stop[1]]];
  return dx >= dy ? [start, [stop[0], start[1]], stop] : [start, [start[0], stop[1]], stop];
}

/**
 * A pipe with one of its bends dragged: the neighbours follow so that angles stay right.
 * @param {Point[]} points
 * @param {number} index
 * @param {Point} to
 * @returns {Point[]}
 */
export function withBendAt(points, index, to) {
  const run = points.map((point) => /** @type {Point} */ ([...point]));
  for (const neighbour of [index - 1, index + 1]) {
    const across = isLevel(run[neighbour], run[index]) ? 1 : 0;
    const isEnd = neighbour === 0 || neighbour === run.length - 1;
    if (!isEnd) run[neighbour][across] = to[across];
    else to = across === 1 ? [to[0], run[neighbour][1]] : [run[neighbour][0], to[1]];
  }
  run[index] = to;
  return run;
}

/**
 * A straight piece of a pipe pulled aside: two bends more.
 * @param {Point[]} points
 * @param {number} segment
 * @param {Point} to
 * @returns {Point[]}
 */
export function withNewBend(points, segment, to) {
  const [start, stop] = [points[segment], points[segment + 1]];
  const across = isLevel(start, stop) ? 1 : 0;
  const along = 1 - across;
  const places = [start[along] + (stop[along] - start[along]) / 3, start[along] + ((stop[along] - start[along]) * 2) / 3];
  const corner = (/** @type {number} */ place, /** @type {number} */ level) => {
    /** @type {Point} */
    const point = [0, 0];
    point[along] = place;
    point[across] = level;
    return point;
  };
  const level = start[across];
  const bends = [corner(places[0], level), corner(places[0], to[across]), corner(places[1], to[across]), corner(places[1], level)];
  return [...points.slice(0, segment + 1), ...bends, ...points.slice(segment + 1)];
}

/**
 * Whether a point lies in one of some boxes, widened by a margin.
 * @param {Point} point
 * @param {Bounds[]} boxes
 * @param {number} margin
 */
function insideAny(point, boxes, margin) {
  return boxes.some(
    (box) =>
      point[0] > box.left - margin && point[0] < box.right + margin &&
      point[1] > box.top - margin && point[1] < box.bottom + margin,
  );
}

/**
 * The part of a curve between the outlines of what it joins.
 * @param {Point[]} curve
 * @param {Bounds[]} leaving
 * @param {Bounds[]} arriving
 */
export function clippedCurve(curve, leaving, arriving) {
  let first = 0;
  curve.forEach((point, i) => {
    if (insideAny(point, leaving, 1)) first = i + 1;
  });
  const rest = curve.slice(first);
  const last = rest.findIndex((point) => insideAny(point, arriving, 2));
  return last < 0 ? rest : rest.slice(0, last);
}

/**
 * The curve of a connector between the centres of two elements.
 * @param {any} link
 * @param {Point} start
 * @param {Point} stop
 * @returns {Point[]}
 */
export function linkCurve(link, start, stop) {
  if (link.points.length) {
    const corners = [start, ...link.points, stop];
    return corners.slice(1).flatMap((corner, i) => bentPoints(corners[i], corner, 0, 120));
  }
  return bentPoints(start, stop, link.control ? bendThrough(start, link.control, stop) : 0, 300);
}

/**
 * Two short strokes across the middle of a curve, the mark of a delay.
 * @param {Point[]} curve
 * @returns {Point[][]}
 */
export function delayStrokes(curve) {
  const lengths = [0];
  for (let i = 1; i < curve.length; i += 1) {
    lengths.push(lengths[i - 1] + Math.hypot(curve[i][0] - curve[i - 1][0], curve[i][1] - curve[i - 1][1]));
  }
  const half = lengths[lengths.length - 1] / 2;
  const [before, middle] = [pointAlong(curve, lengths, half - 4), pointAlong(curve, lengths, half)];
  const length = Math.hypot(middle[0] - before[0], middle[1] - before[1]) || 1;
  const [x, y] = [(middle[0] - before[0]) / length, (middle[1] - before[1]) / length];
  return [-2.5, 2.5].map((shift) => [6.5, -6.5].map((side) => /** @type {Point} */ ([
    middle[0] + x * shift + y * side, middle[1] + y * shift - x * side,
  ])));
}

/** @param {Point[]} curve @param {number[]} lengths along it up to each of its points @param {number} at @returns {Point} */
function pointAlong(curve, lengths, at) {
  const next = lengths.findIndex((length) => length >= at);
  if (next <= 0) return next < 0 ? curve[curve.length - 1] : curve[0];
  const share = (at - lengths[next - 1]) / (lengths[next] - lengths[next - 1]);
  return /** @type {Point} */ ([0, 1].map((axis) => curve[next - 1][axis] + share * (curve[next][axis] - curve[next - 1][axis])));
}

/**
 * The place nearest in a direction: near ahead counts more than far aside.
 * @template {{x: number, y: number}} Place
 * @param {Point} from
 * @param {Place[]} places
 * @param {"left" | "right" | "up" | "down"} direction
 * @returns {Place | null}
 */
export function nearestToward(from, places, direction) {
  const along = direction === "left" || direction === "right" ? "x" : "y";
  const sign = direction === "left" || direction === "up" ? -1 : 1;
  let best = null;
  let least = Infinity;
  for (const place of places) {
    const offset = { x: place.x - from[0], y: place.y - from[1] };
    const ahead = offset[along] * sign;
    const aside = Math.abs(along === "x" ? offset.y : offset.x);
    if (ahead < 1 || aside > 3 * ahead) continue;
    const cost = ahead + 2 * aside;
    if (cost < least) [best, least] = [place, cost];
  }
  return best;
}
