// Curves over time: lines, bands, a cursor with values, axes with round numbers.

import { briefNumber, html, shortNumber, svg } from "./dom.js";

const PAD = { left: 46, right: 12, top: 8, bottom: 20 };

/** @typedef {(number | null)[] | Float64Array} Series Numbers; null or NaN where there is none. */

/**
 * @typedef {Object} Line
 * @property {string} label
 * @property {Series} values
 * @property {Series} times
 * @property {number} colour
 * @property {"now" | "baseline" | "kept" | "policy"} style
 * @typedef {{times: number[], low: (number | null)[], high: (number | null)[], colour: number}} Band
 */

/** Round numbers that divide a span. @param {number} low @param {number} high @param {number} count */
export function roundTicks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1);
  if (!(rough > 0)) return [low];
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((value) => value >= rough) ?? rough;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) ticks.push(i * step);
  return ticks;
}

/** The place of a time among others. @param {number[]} times @param {number} at */
export function nearestTime(times, at) {
  let low = 0;
  let high = times.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] <= at) low = middle;
    else high = middle;
  }
  return Math.abs(times[high] - at) < Math.abs(at - times[low]) ? high : low;
}

/** @param {string} title @param {(time: number) => void} point */
export function makeChart(title, point) {
  const picture = svg("svg", { class: "chart", role: "img" });
  const legend = html("ul", { class: "legend" });
  const heading = html("h3", { text: title });
  const node = html("figure", { class: "chart-box" }, heading, picture, legend);
  /** @type {{lines: Line[], bands: Band[], cursor: number | null, span: [number, number] | null}} */
  let shown = { lines: [], bands: [], cursor: null, span: null };
  /** @type {any} */
  let scale = null;
  const cursor = svg("line", { class: "cursor" });

  const measured = () => ({ width: Math.max(picture.clientWidth, 120), height: Math.max(picture.clientHeight, 80) });
  /** @type {{width: number, height: number} | null} */
  let size = null; // measured when it may have changed only: a measure makes the browser lay the page out

  /** @param {typeof shown} what */
  function draw(what) {
    shown = what;
    size ??= measured();
    const { width, height } = size;
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    scale = scaleFor(width, height);
    picture.replaceChildren();
    if (!scale) return;
    picture.append(...axes(width, height), ...shown.bands.map(bandNode), ...shown.lines.map(lineNode), cursor);
    picture.setAttribute("aria-label", `${heading.textContent}: ${shown.lines.map(endWords).join("; ")}`);
    drawLegend();
    setCursor(shown.cursor);
  }

  /** @param {Line} line */
  function endWords(line) {
    const known = Array.from(line.values).filter(Number.isFinite);
    return `${line.label} from ${briefNumber(known[0] ?? NaN)} to ${briefNumber(known[known.length - 1] ?? NaN)}`;
  }

  /** @param {number} width @param {number} height */
  function scaleFor(width, height) {
    let [first, last, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const { times } of [...shown.lines, ...shown.bands]) {
      for (const time of [times[0], times[times.length - 1]]) if (Number.isFinite(time)) [first, last] = [Math.min(first, time), Math.max(last, time)];
    }
    for (const values of [...shown.lines.map((line) => line.values), ...shown.bands.flatMap((band) => [band.low, band.high])]) {
      for (const value of values) if (Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
    }
    if (first > last || low > high) return null;
    const [start, stop] = shown.span ?? [first, last];
    if (low > 0 && low < 0.4 * high) low = 0;
    if (high - low < 1e-12 * Math.max(Math.abs(high), 1)) [low, high] = [low - (Math.abs(low) || 1) * 0.1, high + (Math.abs(high) || 1) * 0.1];
    const x = (/** @type {number} */ time) => PAD.left + ((time - start) / (stop - start || 1)) * (width - PAD.left - PAD.right);
    const y = (/** @type {number} */ value) => height - PAD.bottom - ((value - low) / (high - low)) * (height - PAD.top - PAD.bottom);
    return { x, y, start, stop, low, high, width, height };
  }

  /** @param {number} width @param {number} height */
  function axes(width, height) {
    const nodes = [];
    for (const value of roundTicks(scale.low, scale.high, Math.max(Math.floor(height / 36), 3))) {
      const y = scale.y(value);
      nodes.push(svg("line", { class: "grid", x1: PAD.left, x2: width - PAD.right, y1: y, y2: y }));
      nodes.push(svg("text", { class: "tick", x: PAD.left - 5, y: y + 4, "text-anchor": "end", text: briefNumber(value) }));
    }
    for (const time of roundTicks(scale.start, scale.stop, Math.max(Math.floor(width / 70), 2))) {
      nodes.push(svg("text", { class: "tick", x: scale.x(time), y: height - 5, "text-anchor": "middle", text: briefNumber(time) }));
    }
    nodes.push(svg("line", { class: "axis", x1: PAD.left, x2: width - PAD.right, y1: height - PAD.bottom, y2: height - PAD.bottom }));
    return nodes;
  }

  /** @param {Series} times @param {Series} values */
  function way(times, values) {
    let pen = "M";
    let data = "";
    Array.from(values).forEach((value, i) => {
      if (!Number.isFinite(value)) pen = "M";
      else {
        data += `${pen}${scale.x(times[i]).toFixed(1)},${scale.y(value).toFixed(1)}`;
        pen = "L";
      }
    });
    return data;
  }

  /** @param {Line} line */
  function lineNode(line) {
    return svg("path", { class: `line c${line.colour % 8} ${line.style}`, "data-label": line.label, d: way(line.times, line.values) });
  }

  /** @param {Band} band */
  function bandNode(band) {
    const there = way(band.times, band.low);
    const back = way(band.times.slice().reverse(), band.high.slice().reverse());
    return svg("path", { class: `band-area c${band.colour % 8}`, d: `${there}${back.replace("M", "L")}Z` });
  }

  function drawLegend() {
    legend.replaceChildren(...shown.lines.map((line) => html("li", { class: `c${line.colour % 8} ${line.style}` },
      html("span", { class: "swatch", "aria-hidden": "true" }), html("span", { class: "label", text: line.label }), html("span", { class: "value" }))));
  }

  /** @param {number | null} time */
  function setCursor(time) {
    shown.cursor = time;
    if (!scale) return;
    cursor.classList.toggle("off", time === null);
    if (time !== null) {
      const x = scale.x(time);
      for (const [name, value] of Object.entries({ x1: x, x2: x, y1: PAD.top, y2: scale.height - PAD.bottom })) cursor.setAttribute(name, String(value));
    }
    [...legend.children].forEach((item, i) => {
      const line = shown.lines[i];
      const place = time === null ? line.values.length - 1 : nearestTime(line.times, time);
      const value = line.values[place];
      /** @type {any} */ (item.lastChild).textContent = value === null || value === undefined ? "" : shortNumber(Number(value.toPrecision(4)));
    });
  }

  picture.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (!scale) return;
    const box = picture.getBoundingClientRect();
    const share = (event.clientX - box.left - PAD.left) / (box.width - PAD.left - PAD.right);
    point(scale.start + Math.min(Math.max(share, 0), 1) * (scale.stop - scale.start));
  });
  new ResizeObserver(() => {
    size = measured();
    if (scale) draw(shown);
  }).observe(picture);
  return { node, draw, setCursor, retitle: (/** @type {string} */ words) => { heading.textContent = words; } };
}
