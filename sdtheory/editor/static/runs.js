// The simulation beside the model: it runs after every change, the last wish wins, and earlier runs stay to compare.

import { button, canonicalName, html, shortNumber } from "./dom.js";
import { makeChart } from "./chart.js";
import { drawingsOf } from "./store.js";

const MOST_PINS = 8;
const FIRST_PINS = 4;
const NEW_RUN = new Set(["set_equation", "set_initial", "set_lookup", "set_simulation"]); // edits that a run follows anyway

/**
 * @typedef {{times: Float64Array, series: Object<string, Float64Array>, final: Object<string, number | null>, name: string, revision: number,
 *   byName: Map<string, [string, Float64Array][]>}} Run
 */

/**
 * @param {import("./store.js").Store} store
 * @param {any} diagram
 */
export function makeRuns(store, diagram) {
  const state = {
    changes: /** @type {Object<string, number>} */ ({}), pins: /** @type {string[]} */ ([]), chosen: false,
    run: /** @type {Run | null} */ (null), baseline: /** @type {Run | null} */ (null), kept: /** @type {Run[]} */ ([]),
    busy: false, again: false, ahead: -1, cursor: /** @type {number | null} */ (null),
  };
  /** @type {Map<string, any>} */
  const charts = new Map();
  const host = html("div", { class: "charts" });
  const own = makeChart("", (time) => runs.setCursor(time));
  const trouble = html("div", { class: "trouble" });
  const table = html("div", { class: "run-table" });
  const runs = {
    state, host, trouble, table, request, pin, isPinned, isChangeable, addSlider, setChange, showOwn, setCursor, setBaseline, keep, startOf, drawTable,
  };

  function outputs() {
    const stocks = [...store.elements.values()].filter((one) => one.kind === "stock" && one.variable).map((one) => one.variable);
    const selected = store.selection.map((id) => store.elements.get(id)?.variable).filter(Boolean);
    return [...new Set([...stocks, ...selected, ...state.pins])];
  }

  /**
   * Ask for a run; while one is on its way the wish is remembered once.
   * @param {number} [revision] that the model will have when an edit that was just sent is done
   */
  async function request(revision = store.scene.revision) {
    if (state.busy) {
      state.again = true;
      return;
    }
    state.busy = true;
    state.ahead = revision;
    host.classList.add("running");
    try {
      const width = Math.max(Math.ceil(host.clientWidth / 2), 200); // two points for each
      const reply = await store.link.send({ op: "simulate", args: { changes: state.changes, outputs: outputs(), width }, revision });
      take(reply);
      if (reply.revision < store.scene.revision) state.again = true;
    } catch (error) {
      fail(/** @type {Error} */ (error).message);
    }
    state.busy = false;
    host.classList.remove("running");
    if (state.again) {
      state.again = false;
      request();
    }
  }

  /** @param {any} reply */
  function take(reply) {
    const series = Object.fromEntries(Object.entries(reply.series).map(([label, text]) => [label, unpacked(text)]));
    state.run = { ...reply, times: unpacked(reply.times), series, byName: byName(series), name: "now" };
    if (!state.baseline) state.baseline = state.run;
    const bad = reply.first_bad;
    const said = bad ? `${bad.variables.join(", ")} ${bad.variables.length > 1 ? "are" : "is"} no number from time ${shortNumber(bad.time)} on` : "";
    trouble.textContent = [said, reply.message].filter(Boolean).join("; ");
    host.classList.remove("old");
    diagram.setSparks(sparks());
    draw();
    store.emit("run", state.run);
  }

  /** The last good run stays, greyed. @param {string} message */
  function fail(message) {
    trouble.textContent = message;
    host.classList.add("old");
    store.emit("run-failed", message);
  }

  function sparks() {
    const found = new Map();
    for (const element of store.elements.values()) {
      const values = element.kind === "stock" && element.variable ? seriesOf(state.run, element.variable)[0]?.[1] : null;
      if (values) found.set(element.id, values);
    }
    return found;
  }

  /** All series of a variable or an element, of a variable those of its elements. @param {Run | null} run @param {string} name */
  function seriesOf(run, name) {
    return run?.byName.get(canonicalName(name)) ?? [];
  }

  /** Variables of the same units share a chart. */
  function grouped() {
    /** @type {Map<string, string[]>} */
    const groups = new Map();
    for (const name of state.pins) {
      const units = store.variable(name)?.units || "no units";
      groups.set(units, [...(groups.get(units) ?? []), name]);
    }
    return groups;
  }

  function draw() {
    const groups = grouped();
    for (const [units, chart] of charts) {
      if (groups.has(units)) continue;
      chart.node.remove();
      charts.delete(units);
    }
    for (const [units, names] of groups) {
      if (!charts.has(units)) {
        const chart = makeChart(units, (time) => setCursor(time));
        charts.set(units, chart);
        host.append(chart.node);
      }
      charts.get(units).draw({ lines: linesOf(names), bands: [], cursor: state.cursor, span: null });
    }
    if (table.isConnected && !table.hidden) drawTable();
  }

  /** @param {string[]} names */
  function linesOf(names) {
    /** @type {import("./chart.js").Line[]} */
    const lines = [];
    const others = [state.baseline, ...state.kept].filter((run) => run && run !== state.run);
    names.forEach((name) => {
      const colour = Math.max(state.pins.indexOf(name), 0);
      for (const run of others) {
        for (const [label, values] of seriesOf(run, name)) {
          if (run === state.baseline && sameValues(values, state.run?.series[label])) continue;
          lines.push({ label: `${label}, ${run === state.baseline ? "baseline" : run?.name}`, values, times: run?.times ?? new Float64Array(), colour, style: run === state.baseline ? "baseline" : "kept" });
        }
      }
      seriesOf(state.run, name).forEach(([label, values], i) => lines.push({ label, values, times: state.run?.times ?? new Float64Array(), colour: colour + i, style: "now" }));
    });
    return lines;
  }

  /** The graph of one variable in its panel. @param {HTMLElement} place @param {string} name */
  function showOwn(place, name) {
    if (own.node.parentNode !== place) place.replaceChildren(own.node);
    own.retitle(`${name} over time`);
    const lines = linesOf([name]);
    place.hidden = !lines.length;
    if (lines.length) own.draw({ lines, bands: [], cursor: state.cursor, span: null });
  }

  /** @param {number | null} time */
  function setCursor(time) {
    state.cursor = time;
    for (const chart of charts.values()) chart.setCursor(time);
    own.setCursor(time);
    store.emit("cursor", time);
  }

  /** @param {string} name */
  function pin(name) {
    state.chosen = true;
    if (isPinned(name)) state.pins = state.pins.filter((one) => one !== name);
    else state.pins = [...state.pins, name].slice(-MOST_PINS);
    store.emit("pins");
    store.say(isPinned(name) ? `${name} is in the chart` : `${name} left the chart`);
    draw();
    request();
  }

  /** @param {string} name */
  function isPinned(name) {
    return state.pins.includes(name);
  }

  /** The number of a constant or the initial value of a stock, when it is one. @param {any} variable */
  function isChangeable(variable) {
    return ["constant", "stock"].includes(variable.kind) && typeof variable.value === "number";
  }

  /** @param {string} name */
  function startOf(name) {
    return store.variable(name)?.value ?? 0;
  }

  /** @param {string} name @param {number | null} value */
  function setChange(name, value) {
    if (value === null || value === startOf(name)) delete state.changes[name];
    else state.changes[name] = value;
    request();
  }

  /** @param {string} name */
  function addSlider(name) {
    store.emit("slider", name);
  }

  function setBaseline() {
    state.baseline = state.run;
    store.say("this run is the baseline now");
    draw();
  }

  /** @param {string} name */
  function keep(name) {
    if (!state.run) return;
    state.kept = [...state.kept.filter((run) => run.name !== name), { ...state.run, name }];
    store.say(`run kept as ${name}`);
    draw();
  }

  /** Values at the cursor, or at the end, of all runs. */
  function drawTable() {
    const all = [state.baseline && { ...state.baseline, name: "baseline" }, ...state.kept, state.run].filter(Boolean);
    const head = html("tr", {}, html("th", { text: "variable" }), ...all.map((run) => html("th", { text: run?.name })), html("th", { text: "difference to baseline" }));
    const rows = state.pins.map((name) => {
      const values = all.map((run) => run?.final[name] ?? null);
      const now = state.run?.final[name];
      const before = state.baseline?.final[name];
      const difference = typeof now === "number" && typeof before === "number" ? now - before : null;
      return html("tr", {}, html("th", { scope: "row", text: name }), ...values.map((value) => html("td", { text: shortNumber(value) })), html("td", { text: shortNumber(difference) }));
    });
    table.replaceChildren(html("table", {}, html("caption", { text: "At the end of the run" }), html("thead", {}, head), html("tbody", {}, ...rows)));
  }

  function firstPins() {
    const names = Object.values(store.scene.variables);
    state.pins = state.pins.filter((name) => store.variable(name)).map((name) => store.variable(name).name);
    if (state.chosen && state.pins.length) return;
    const shown = names.filter((/** @type {any} */ one) => one.kind === "stock" && drawingsOf(store, one.name).length);
    state.pins = (shown.length ? shown : names.filter((/** @type {any} */ one) => one.kind === "stock")).slice(0, FIRST_PINS).map((/** @type {any} */ one) => one.name);
  }

  store.on("scene", () => {
    firstPins();
    request();
  });
  store.on("sent", ({ op, revision }) => {
    if (NEW_RUN.has(op) && !state.busy) request(revision);
  });
  store.on("delta", (delta) => {
    firstPins();
    for (const name of Object.keys(state.changes)) if (!store.variable(name)) delete state.changes[name];
    if ((state.busy ? state.ahead : (state.run?.revision ?? -1)) >= delta.revision) return; // asked for with the edit
    if (Object.keys(delta.variables ?? {}).length || delta.settings) request();
    else diagram.setSparks(state.run ? sparks() : new Map());
  });
  store.on("selection", () => {
    const missing = store.selection.map((id) => store.elements.get(id)?.variable).some((name) => name && store.variable(name) && !seriesOf(state.run, name).length);
    if (missing && state.run) request();
  });
  return runs;
}

/** Series by the names under which they are asked for. @param {Object<string, Float64Array>} series */
function byName(series) {
  /** @type {Map<string, [string, Float64Array][]>} */
  const found = new Map();
  for (const [label, values] of Object.entries(series)) {
    const whole = canonicalName(label);
    for (const key of new Set([whole, whole.split("[")[0]])) found.set(key, [...(found.get(key) ?? []), [label, values]]);
  }
  return found;
}

/** The numbers that the service packed. @param {any} text */
function unpacked(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i += 1) bytes[i] = letters.charCodeAt(i); // ten times as quick as Uint8Array.from
  return new Float64Array(bytes.buffer);
}

/** @param {Float64Array} a @param {Float64Array | undefined} b */
function sameValues(a, b) {
  return b?.length === a.length && a.every((value, i) => Object.is(value, b[i]));
}

/**
 * Sliders on constants and initial values; the model is not changed until Keep.
 * @param {import("./store.js").Store} store
 * @param {any} runs
 */
export function makeSliders(store, runs) {
  const search = html("input", { type: "search", "aria-label": "Find a slider", placeholder: "find" });
  const list = html("div", { class: "sliders" });
  const node = html("div", { class: "panel-sliders" },
    html("p", { class: "quiet", text: "What if: the run changes at once, the model only with Keep." }), html("div", { class: "buttons" }, search,
      button("Reset all", () => {
        for (const name of Object.keys(runs.state.changes)) delete runs.state.changes[name];
        runs.request();
        draw();
      })), list);

  function draw() {
    if (node.closest("[hidden]")) return; // drawn when the panel is opened
    const words = canonicalName(search.value);
    const found = Object.values(store.scene.variables).filter((/** @type {any} */ one) => runs.isChangeable(one) && canonicalName(one.name).includes(words));
    const held = /** @type {any} */ (document.activeElement)?.dataset?.name;
    const kind = /** @type {any} */ (document.activeElement)?.type;
    list.replaceChildren(...found.slice(0, 60).map(row));
    if (found.length > 60) list.append(html("p", { class: "quiet", text: `${found.length - 60} more: use the search` }));
    if (held && list.isConnected) /** @type {any} */ ([...list.querySelectorAll(`input[type="${kind}"]`)].find((one) => one.dataset.name === held))?.focus();
  }

  /** @param {any} variable */
  function row(variable) {
    const { name } = variable;
    const [low, high] = spanOf(variable);
    const value = runs.state.changes[name] ?? variable.value;
    const slider = html("input", { type: "range", min: low, max: high, step: "any", "data-name": name, "aria-label": name, value });
    const number = html("input", { class: "number", type: "text", inputmode: "decimal", "data-name": name, "aria-label": `${name}, value`, value: shortNumber(value) });
    const buttons = html("span", { class: "slider-acts" },
      button("\u21ba", () => set(null), { "aria-label": `reset ${name}`, class: "plain", title: "reset" }),
      !store.scene.read_only && button("Keep", () => keepValue(), { "aria-label": `keep ${name}`, title: "write this value into the model" }));
    const label = html("span", { class: "label" }, variable.kind === "stock" ? `${name} at the start` : name, html("span", { class: "units", text: variable.units }));
    const item = html("div", { class: "slider" }, label, buttons, slider, number);
    const set = (/** @type {number | null} */ next) => {
      runs.setChange(name, next);
      const now = runs.state.changes[name] ?? variable.value;
      slider.value = String(now);
      number.value = shortNumber(now);
      item.classList.toggle("changed", name in runs.state.changes);
    };
    const keepValue = async () => {
      if (!(name in runs.state.changes)) return;
      const text = shortNumber(runs.state.changes[name]);
      const delta = await store.attempt(variable.kind === "stock" ? "set_initial" : "set_equation", { name, text });
      if (!delta) return;
      delete runs.state.changes[name];
      runs.request();
      draw();
      store.say(`${name} is ${text}`);
    };
    slider.addEventListener("input", () => set(Number(Number(slider.value).toPrecision(4))));
    slider.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => event.stopPropagation());
    number.addEventListener("change", () => {
      const next = Number(number.value);
      if (number.value.trim() === "" || !Number.isFinite(next)) {
        store.warn(`${name} is a number`);
        set(null);
      } else set(next);
    });
    item.classList.toggle("changed", name in runs.state.changes);
    return item;
  }

  /** @param {any} variable @returns {[number, number]} */
  function spanOf({ value, range }) {
    const [low, high] = [range?.[0] ?? null, range?.[1] ?? null];
    const free = value ? [Math.min(0, 2 * value), Math.max(0, 2 * value)] : [0, 1];
    return [low ?? Math.min(free[0], high ?? Infinity), high ?? Math.max(free[1], low ?? -Infinity)];
  }

  search.addEventListener("input", draw);
  store.on("scene", draw);
  store.on("delta", (delta) => Object.keys(delta.variables ?? {}).length && draw());
  store.on("slider", (name) => {
    search.value = "";
    store.emit("show-panel", "sliders");
    /** @type {any} */ ([...list.querySelectorAll("input[type=range]")].find((/** @type {any} */ one) => one.dataset.name === name))?.focus();
  });
  return { node, opened: draw };
}
