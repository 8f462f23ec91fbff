// Policies under uncertainty: the experiment file, bands of runs, paired differences with their probability.

import { button, html, shortNumber } from "./dom.js";
import { makeChart } from "./chart.js";

/**
 * @param {import("./store.js").Store} store
 * @param {any} runs
 */
export function makePolicies(store, runs) {
  const state = {
    id: "", experiment: /** @type {any} */ (null), on: /** @type {Set<string>} */ (new Set()), ticket: 0, wanted: false,
  };
  const choice = html("select", { "aria-label": "Experiment" });
  const note = html("p", { class: "quiet", role: "status" });
  const list = html("div", { class: "policy-list", role: "group", "aria-label": "Policies" });
  const host = html("div", { class: "charts" });
  const table = html("div", { class: "policy-table" });
  const text = html("textarea", { class: "toml", rows: 12, spellcheck: "false", "aria-label": "Experiment file" });
  const source = html("details", {}, html("summary", { text: "Experiment file" }), text, button("Save experiment", save));
  const compare = button("Compare", () => start(true), { class: "primary", disabled: true });
  const node = html("div", { class: "panel-policies" }, html("label", { class: "field" }, html("span", { text: "Experiment" }), choice), note, list,
    html("div", { class: "buttons" }, compare), host, table, source);
  /** @type {Map<string, any>} */
  const charts = new Map();

  async function choose() {
    const known = store.scene.experiments;
    choice.replaceChildren(...known.map((/** @type {any} */ one) => html("option", { value: one.id, text: one.name })));
    if (!known.length) {
      note.textContent = "No experiment file was given; open the editor with --experiment FILE.";
      source.hidden = true;
      return;
    }
    if (!known.some((/** @type {any} */ one) => one.id === state.id)) state.id = known[0].id;
    choice.value = state.id;
    await read();
  }

  async function read() {
    try {
      const found = await store.ask("experiment", { id: state.id });
      text.value = found.text;
      show(found);
    } catch (error) {
      note.textContent = /** @type {Error} */ (error).message;
    }
  }

  /** What the file says; the text field is left as it is, with its own undo. @param {any} experiment */
  function show(experiment) {
    state.experiment = experiment;
    const { policies, uncertainty, runs: count, seed, fault } = experiment;
    compare.disabled = Boolean(fault);
    if (fault) {
      note.textContent = fault;
      list.replaceChildren();
      return;
    }
    state.on = new Set(policies.filter((/** @type {any} */ one) => one.on !== false).map((/** @type {any} */ one) => one.name));
    note.textContent = `${uncertainty} uncertain parameters, ${count} runs, seed ${seed}`;
    list.replaceChildren(...policies.map(row));
  }

  /** @param {any} policy @param {number} i */
  function row(policy, i) {
    const box = html("input", { type: "checkbox", "aria-label": policy.name });
    box.checked = state.on.has(policy.name);
    box.disabled = i === 0; // the baseline, against which the others are held
    box.addEventListener("change", () => {
      if (box.checked) state.on.add(policy.name);
      else state.on.delete(policy.name);
      if (state.wanted) start(false);
    });
    return html("label", { class: `policy c${i % 8}`, title: policy.description }, box, html("span", { class: "swatch" }), html("span", { class: "name", text: policy.name }),
      html("span", { class: "quiet", text: policy.description ?? "" }));
  }

  /** @param {boolean} asked */
  async function start(asked) {
    if (!state.experiment) return;
    if (asked) state.wanted = true;
    state.ticket += 1;
    const ticket = state.ticket;
    note.textContent = `comparing ${state.on.size} policies\u2026`;
    const policies = state.experiment.policies.map((/** @type {any} */ one) => one.name).filter((/** @type {string} */ name) => state.on.has(name));
    const args = { id: state.id, policies, outputs: runs.state.pins, width: Math.max(host.clientWidth, 200), ticket };
    try {
      const reply = await store.link.send({ op: "compare", args });
      if (reply?.bands) take(reply);
    } catch (error) {
      if (ticket === state.ticket && /** @type {any} */ (error).code !== "superseded") note.textContent = /** @type {Error} */ (error).message;
    }
  }

  /** @param {any} chunk */
  function take(chunk) {
    if (chunk.ticket !== state.ticket) return;
    if (chunk.error) {
      if (chunk.error.code !== "superseded") note.textContent = chunk.error.message;
      return;
    }
    if (chunk.bands) draw(chunk);
    if (chunk.final) store.say(`comparison of ${chunk.runs} runs done`);
  }

  /** @param {any} chunk */
  function draw(chunk) {
    const names = Object.keys(chunk.bands);
    const order = state.experiment.policies.map((/** @type {any} */ one) => one.name);
    const colourOf = (/** @type {string} */ policy) => Math.max(order.indexOf(policy), 0);
    const variables = [...new Set(names.flatMap((policy) => Object.keys(chunk.bands[policy])))];
    for (const [label, chart] of charts) {
      if (variables.includes(label)) continue;
      chart.node.remove();
      charts.delete(label);
    }
    for (const label of variables) {
      if (!charts.has(label)) {
        charts.set(label, makeChart(`${label}: median and 5 to 95 % of the runs`, (time) => charts.forEach((chart) => chart.setCursor(time))));
        host.append(charts.get(label).node);
      }
      const shown = names.filter((policy) => chunk.bands[policy][label]);
      charts.get(label).draw({
        bands: shown.map((policy) => ({ times: chunk.bands[policy][label].times, low: chunk.bands[policy][label].p05, high: chunk.bands[policy][label].p95, colour: colourOf(policy) })),
        lines: shown.map((policy) => ({ label: policy, times: chunk.bands[policy][label].times, values: chunk.bands[policy][label].p50, colour: colourOf(policy), style: "policy" })),
        cursor: null, span: null,
      });
    }
    drawTable(chunk);
  }

  /** @param {any} chunk */
  function drawTable(chunk) {
    const percent = (/** @type {number | null} */ value) => (typeof value === "number" ? `${Math.round(value * 100)} %` : "");
    const head = ["metric", "policy", "mean difference", "90 % of runs", "better", "worse", "valid runs"];
    const rows = (chunk.metrics ?? []).map((/** @type {any} */ one) => html("tr", {},
      html("th", { scope: "row", text: one.name }), html("td", { text: one.policy }), html("td", { text: shortNumber(one.difference?.mean) }),
      html("td", { text: one.difference ? `${shortNumber(one.difference.low)} to ${shortNumber(one.difference.high)}` : "" }),
      html("td", { text: percent(one.probability_better) }), html("td", { text: percent(one.probability_worse) }), html("td", { text: String(one.valid_runs ?? "") })));
    table.replaceChildren(html("table", {}, html("caption", { text: `Paired differences to ${chunk.metrics?.[0]?.against ?? "the baseline"}, ${chunk.runs} runs, seed ${chunk.seed}` }),
      html("thead", {}, html("tr", {}, ...head.map((words) => html("th", { text: words })))), html("tbody", {}, ...rows)));
    note.textContent = `${chunk.runs} runs, seed ${chunk.seed}`;
  }

  async function save() {
    try {
      show(await store.ask("set_experiment", { id: state.id, text: text.value, hash: state.experiment.hash }));
      store.say("experiment saved");
      if (state.wanted) start(false);
    } catch (error) {
      store.warn(/** @type {Error} */ (error).message);
    }
  }

  choice.addEventListener("change", () => {
    state.id = choice.value;
    read();
  });
  store.link.on("compare-chunk", take);
  let opened = false;
  let timer = 0;
  store.on("delta", (delta) => {
    clearTimeout(timer);
    if (state.wanted && Object.keys(delta.variables ?? {}).length) timer = window.setTimeout(() => start(false), 300);
  });
  return {
    node,
    opened: () => {
      if (!opened) choose();
      opened = true;
    },
  };
}
