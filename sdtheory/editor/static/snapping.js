// Where a dragged element comes to rest: level with a neighbour, or above or below one.

/** @typedef {{x: number, y: number}} Place */
/** @typedef {{x: Place[], y: Place[]}} Places sorted by x, and by y */

/**
 * Places in order along both axes, so that the nearest is found at once while something is dragged.
 * @param {Place[]} places
 * @returns {Places}
 */
export function sortedPlaces(places) {
  return { x: [...places].sort((a, b) => a.x - b.x), y: [...places].sort((a, b) => a.y - b.y) };
}

/**
 * The places that a point snaps to: the nearest within reach along each axis, null where none is; of several that
 * are equally near, the one that is nearer along the other axis.
 * @param {Place} at
 * @param {Places} places
 * @param {number} reach
 * @returns {{x: Place | null, y: Place | null}}
 */
export function snapped(at, places, reach) {
  return { x: nearest(at, places.x, "x", "y", reach), y: nearest(at, places.y, "y", "x", reach) };
}

/** @param {Place} at @param {Place[]} sorted @param {"x" | "y"} along @param {"x" | "y"} across @param {number} reach */
function nearest(at, sorted, along, across, reach) {
  let best = null;
  let least = [reach, Infinity];
  for (let i = firstFrom(sorted, along, at[along] - reach); i < sorted.length && sorted[i][along] <= at[along] + reach; i += 1) {
    const far = [Math.abs(sorted[i][along] - at[along]), Math.abs(sorted[i][across] - at[across])];
    if (far[0] < least[0] || (far[0] === least[0] && far[1] < least[1])) [best, least] = [sorted[i], far];
  }
  return best;
}

/** Number of the first place that is not before a value. @param {Place[]} sorted @param {"x" | "y"} along @param {number} value */
function firstFrom(sorted, along, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle][along] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
