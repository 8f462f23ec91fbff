// Lookups: a curve whose points are dragged, and the same numbers as a table.

import { button, html, labelled, shortNumber, svg } from "./dom.js";

const CURVE = { width: 280, height: 160, margin: 24 };
const BEYOND_KINDS = ["continuous", "extrapolate", "discrete"];

/** @param {import("./store.js").Store} store */
export function makeLookup(store) {
  /** @type {{name: string, x: number[], y: number[], kind: string, xscale: number[], yscale: number[]} | null} */
  let curve = null;
  let dragged = -1;
  const picture = svg("svg", { class: "lookup-curve", viewBox: `0 0 ${CURVE.width} ${CURVE.height}`, role: "group", "aria-label": "Lookup curve" });
  const rows = html("tbody");
  const table = html("table", { class: "lookup-table" }, html("thead", {}, html("tr", {}, html("th", { text: "x" }), html("th", { text: "y" }), html("th", { text: "" }))), rows);
  const kind = html("select", { "aria-label": "Extrapolation" }, ...BEYOND_KINDS.map((value) => html("option", { value, text: value })));
  const scales = ["x from", "x to", "y from", "y to"].map((label) => html("input", { "aria-label": `Lookup ${label}`, class: "number", inputmode: "decimal" }));
  const node = html("div", { class: "lookup", hidden: true }, html("span", { class: "title", text: "Lookup" }), picture,
    html("div", { class: "scales" }, ...scales.map((field, i) => labelled(["x from", "to", "y from", "to"][i], field, "inline"))),
    labelled("Beyond the points", kind),
    html("details", { open: true }, html("summary", { text: "Table (paste two columns)" }), table, button("Add a point", addPoint)));

  /** @param {any} variable */
  function show(variable) {
    node.hidden = !variable.lookup;
    if (!variable.lookup) {
      curve = null;
      return;
    }
    const { x, y, kind: type, xscale, yscale } = variable.lookup;
    curve = { name: variable.name, x: [...x], y: [...y], kind: type ?? BEYOND_KINDS[0], xscale: scaleOf(x, xscale), yscale: scaleOf(y, yscale) };
    kind.value = curve.kind;
    [...curve.xscale, ...curve.yscale].forEach((value, i) => {
      scales[i].value = shortNumber(value);
    });
    draw();
    fill();
  }

  /** @param {number[]} values @param {number[] | null | undefined} given */
  function scaleOf(values, given) {
    const numbers = values.concat(given?.every((value) => value !== null) ? given : []);
    const low = Math.min(...numbers);
    const high = Math.max(...numbers);
    return high > low ? [low, high] : [low - 1, high + 1];
  }

  /** @param {number} value @param {number[]} scale @param {number} size @param {boolean} flip */
  function along(value, scale, size, flip) {
    const share = (value - scale[0]) / (scale[1] - scale[0]);
    return CURVE.margin + (flip ? 1 - share : share) * (size - 2 * CURVE.margin);
  }

  /** @param {number} place @param {number[]} scale @param {number} size @param {boolean} flip */
  function back(place, scale, size, flip) {
    const share = (place - CURVE.margin) / (size - 2 * CURVE.margin);
    return scale[0] + (flip ? 1 - share : share) * (scale[1] - scale[0]);
  }

  function draw() {
    if (!curve) return;
    const { x, y, xscale, yscale } = curve;
    const points = x.map((value, i) => [along(value, xscale, CURVE.width, false), along(y[i], yscale, CURVE.height, true)]);
    picture.replaceChildren(
      svg("rect", { class: "frame", x: CURVE.margin, y: CURVE.margin, width: CURVE.width - 2 * CURVE.margin, height: CURVE.height - 2 * CURVE.margin }),
      svg("path", { class: "curve", d: points.map(([a, b], i) => `${i ? "L" : "M"}${a.toFixed(1)},${b.toFixed(1)}`).join("") }),
      ...points.map(([a, b], i) => svg("circle", {
        class: "grip", cx: a, cy: b, r: 6, tabindex: "0", role: "slider", "data-point": i, "aria-label": `point ${i + 1}, x ${shortNumber(x[i])}`,
        "aria-valuenow": y[i], "aria-valuetext": `y ${shortNumber(y[i])}`, "aria-orientation": "vertical",
      })),
    );
  }

  function fill() {
    if (!curve) return;
    const { x, y } = curve;
    rows.replaceChildren(...x.map((_, i) => html("tr", {}, cell(i, "x"), cell(i, "y"),
      html("td", {}, button("\u00d7", () => removePoint(i), { "aria-label": `remove point ${i + 1}`, class: "plain" })))));
  }

  /** @param {number} i @param {"x" | "y"} axis */
  function cell(i, axis) {
    const values = /** @type {any} */ (curve)[axis];
    const field = html("input", { class: "number", "aria-label": `${axis} of point ${i + 1}`, value: shortNumber(values[i]), inputmode: "decimal" });
    field.addEventListener("focus", () => {
      field.value = String(values[i]);
    });
    field.addEventListener("change", () => {
      const value = Number(field.value);
      if (field.value.trim() === "" || !Number.isFinite(value)) {
        store.warn(`${axis} of a point is a number`);
        field.value = String(values[i]);
        return;
      }
      values[i] = value;
      send();
    });
    field.addEventListener("paste", (/** @type {ClipboardEvent} */ event) => paste(event));
    return html("td", {}, field);
  }

  /** Two columns of a spreadsheet. @param {ClipboardEvent} event */
  function paste(event) {
    const text = event.clipboardData?.getData("text") ?? "";
    const lines = text.trim().split(/\r?\n/).map((line) => line.trim().split(/[\t;, ]+/).map(Number));
    if (lines.length < 2 || !curve) return;
    event.preventDefault();
    if (lines.some((pair) => pair.length !== 2 || pair.some((value) => !Number.isFinite(value)))) {
      store.warn("a table has two columns of numbers");
      return;
    }
    curve.x = lines.map(([x]) => x);
    curve.y = lines.map(([, y]) => y);
    send();
  }

  function addPoint() {
    if (!curve) return;
    const last = curve.x.length - 1;
    const step = last > 0 ? curve.x[last] - curve.x[last - 1] : 1;
    curve.x.push(curve.x[last] + step);
    curve.y.push(curve.y[last]);
    send();
  }

  /** @param {number} i */
  function removePoint(i) {
    if (!curve || curve.x.length < 3) {
      store.warn("a lookup has two points at least");
      return;
    }
    curve.x.splice(i, 1);
    curve.y.splice(i, 1);
    send();
  }

  async function send() {
    if (!curve) return;
    const { name, x, y, kind: type } = curve;
    const args = { name, x, y, kind: type, ...changedScales() };
    if (await store.attempt("set_lookup", args)) store.say(`lookup ${name} set`);
    else show(store.variable(name));
  }

  /** The scales whose fields say something else than the curve has. */
  function changedScales() {
    const numbers = scales.map((field) => Number(field.value));
    const known = [...(curve?.xscale ?? []), ...(curve?.yscale ?? [])];
    const differs = (/** @type {number} */ from) => [from, from + 1].some((i) => scales[i].value !== shortNumber(known[i]));
    return { ...(differs(0) ? { xscale: numbers.slice(0, 2) } : {}), ...(differs(2) ? { yscale: numbers.slice(2) } : {}) };
  }

  /** @param {PointerEvent} event @returns {[number, number]} */
  function place(event) {
    const box = picture.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * CURVE.width, ((event.clientY - box.top) / box.height) * CURVE.height];
  }

  picture.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    const grip = /** @type {Element} */ (event.target).closest("[data-point]");
    if (!grip || store.scene.read_only) return;
    dragged = Number(grip.getAttribute("data-point"));
    picture.setPointerCapture(event.pointerId);
  });
  picture.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (dragged < 0 || !curve) return;
    const value = back(place(event)[1], curve.yscale, CURVE.height, true);
    const kept = Math.min(Math.max(value, curve.yscale[0]), curve.yscale[1]);
    curve.y[dragged] = Number(kept.toPrecision(3));
    draw();
  });
  picture.addEventListener("pointerup", () => {
    if (dragged >= 0) send();
    dragged = -1;
  });
  picture.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const at = Number(/** @type {Element} */ (event.target).getAttribute("data-point") ?? -1);
    const sign = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
    if (!sign || at < 0 || !curve) return;
    event.preventDefault();
    const step = ((curve.yscale[1] - curve.yscale[0]) / (event.shiftKey ? 100 : 20)) * sign;
    curve.y[at] = Number((curve.y[at] + step).toPrecision(6));
    send().then(() => /** @type {any} */ (picture.querySelector(`[data-point="${at}"]`))?.focus());
  });
  kind.addEventListener("change", () => {
    if (curve) curve.kind = kind.value;
    send();
  });
  for (const field of scales) field.addEventListener("change", send);
  return { node, show };
}
