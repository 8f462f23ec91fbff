// The drawer under the diagram: curves, the cursor in time, the strip of dominant loops, runs to compare.

import { button, html, shortNumber } from "./dom.js";
import { askText } from "./views.js";

/**
 * @param {import("./store.js").Store} store
 * @param {any} runs
 * @param {any} loops
 */
export function makeTimeline(store, runs, loops) {
  const cursor = html("input", { type: "range", class: "time-cursor", "aria-label": "Time cursor", min: 0, max: 1, step: "any", value: 0 });
  const said = html("output", { class: "time" });
  const table = html("input", { type: "checkbox", "aria-label": "Table" });
  runs.table.hidden = true;
  const opener = button("Simulation", () => {
    body.hidden = !body.hidden;
    opener.setAttribute("aria-expanded", String(!body.hidden));
  }, { "aria-expanded": "true", class: "opener" });
  const acts = html("div", { class: "buttons" }, opener,
    button("Set as baseline", runs.setBaseline),
    button("Keep run\u2026", async () => {
      const name = await askText("Name of the run", "");
      if (name) runs.keep(name);
    }),
    html("label", { class: "inline" }, table, html("span", { text: "Table" })), runs.trouble, said);
  const body = html("div", { class: "drawer" }, runs.host, html("div", { class: "time-row" }, cursor), loops.strip, runs.table);
  const node = html("section", { class: "timeline", "aria-label": "Simulation" }, acts, body);

  cursor.addEventListener("input", () => runs.setCursor(Number(cursor.value)));
  cursor.addEventListener("keydown", (/** @type {Event} */ event) => event.stopPropagation());
  table.addEventListener("change", () => {
    runs.table.hidden = !table.checked;
    if (table.checked) runs.drawTable();
  });
  store.on("run", ({ times }) => {
    const [start, stop] = [times[0], times[times.length - 1]];
    cursor.min = String(start);
    cursor.max = String(stop);
    if (runs.state.cursor === null || runs.state.cursor > stop || runs.state.cursor < start) {
      cursor.value = String(stop);
      runs.setCursor(stop);
    }
  });
  store.on("cursor", (time) => {
    if (document.activeElement !== cursor) cursor.value = String(time);
    const units = store.scene.settings.time_units;
    said.textContent = time === null ? "" : `time ${shortNumber(Number(time.toPrecision(4)))}${units ? ` ${units}` : ""}`;
    cursor.setAttribute("aria-valuetext", said.textContent);
  });
  return { node };
}
