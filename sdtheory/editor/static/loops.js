// Feedback loops: the list, their way on the diagram, and which of them drives the model at each time.

import { button, canonicalName, counted, html, shortNumber, svg } from "./dom.js";
import { drawBadge, paintLinks } from "./marks.js";
import { nearestTime } from "./chart.js";

const MOST_LOOPS = 200;
/** @type {Object<string, string>} */
const KIND_OF = { "+": "reinforcing", "-": "balancing", R: "reinforcing", B: "balancing", reinforcing: "reinforcing", balancing: "balancing" };

/** @param {string | null | undefined} polarity */
function kindOf(polarity) {
  return KIND_OF[polarity ?? ""] ?? "unknown";
}

/**
 * @param {import("./store.js").Store} store
 * @param {any} diagram
 * @param {any} runs
 */
export function makeLoops(store, diagram, runs) {
  const state = {
    loops: /** @type {any[]} */ ([]), dominance: /** @type {any} */ (null), held: /** @type {any} */ (null), painting: false, wanted: false,
  };
  const search = html("input", { type: "search", "aria-label": "Loops through a variable", placeholder: "through a variable" });
  const note = html("p", { class: "quiet", role: "status" });
  const list = html("ul", { class: "loop-list", "aria-label": "Loops" });
  const show = html("input", { type: "checkbox", "aria-label": "Paint dominance on the diagram" });
  const strip = html("div", { class: "strip", hidden: true });
  const node = html("div", { class: "panel-loops" }, html("div", { class: "buttons" }, search, button("Find loops", find)), note,
    html("label", { class: "inline" }, show, html("span", { text: "Paint what dominates at the time cursor" })), list);

  async function find() {
    state.wanted = true;
    note.textContent = "looking for loops\u2026";
    let reply;
    try {
      reply = await store.latest("loops");
    } catch (error) {
      note.textContent = /** @type {Error} */ (error).message;
      return;
    }
    if (!reply) return;
    state.loops = reply.loops;
    note.textContent = [counted(reply.loops.length, "loop"), reply.complete ? "" : "not all of them", reply.note].filter(Boolean).join("; ");
    draw();
    dominate();
  }

  async function dominate() {
    if (!state.wanted || !state.loops.length) return;
    try {
      const reply = await store.latest("dominance", { changes: runs.state.changes });
      if (!reply) return;
      state.dominance = reply;
      if (reply.loops.length) state.loops = reply.loops; // the same loops, with their shares
      if (state.held) state.held = state.loops.find((loop) => loop.id === state.held.id) ?? null;
    } catch (error) {
      state.dominance = null;
      note.textContent = /** @type {Error} */ (error).message;
    }
    drawStrip();
    draw();
    paint();
  }

  function draw() {
    const words = canonicalName(search.value);
    const found = state.loops.filter((loop) => !words || loop.variables.some((/** @type {string} */ name) => canonicalName(name).includes(words)));
    list.replaceChildren(...found.slice(0, MOST_LOOPS).map(row));
    if (found.length > MOST_LOOPS) list.append(html("li", { class: "quiet", text: `${found.length - MOST_LOOPS} more: use the search` }));
  }

  /** @param {any} loop */
  function row(loop) {
    const kind = kindOf(loop.polarity);
    const letter = { reinforcing: "R", balancing: "B", unknown: "?" }[kind];
    const share = shareNow(loop.id) ?? loop.share;
    const label = `${loop.id}, ${kind === "unknown" ? "polarity unknown" : kind}${loop.name ? `, ${loop.name}` : ""}, ${loop.variables.length} variables${typeof share === "number" ? `, share ${Math.round(share * 100)} %` : ""}`;
    const item = html("button", {
      type: "button", class: `loop ${kind}`, "aria-label": label, "aria-pressed": String(state.held?.id === loop.id),
      on: {
        mouseenter: () => light(loop), mouseleave: () => light(state.held), focus: () => light(loop), blur: () => light(state.held),
        click: () => {
          state.held = state.held?.id === loop.id ? null : loop;
          draw();
          light(state.held);
          store.say(state.held ? `${loop.id}: ${loop.variables.join(", then ")}` : "no loop held");
        },
      },
    }, html("span", { class: "letter", text: letter }), html("span", { class: "id", text: loop.id }),
    html("span", { class: "name", text: loop.name || loop.variables.join(" \u2192 ") }),
    html("span", { class: "share", text: typeof share === "number" ? `${Math.round(share * 100)} %` : "" }), html("span", { class: "length", text: String(loop.variables.length) }));
    return html("li", {}, item);
  }

  /** @param {string} id */
  function shareNow(id) {
    const shares = state.dominance?.shares?.[id];
    if (!shares || runs.state.cursor === null) return null;
    const share = shares[nearestTime(state.dominance.times, runs.state.cursor)];
    return share === null || share === undefined ? null : Math.abs(share);
  }

  /** The drawings of a link by the names of its ends: a connector, or a pipe. @param {string} from @param {string} to */
  function drawingsOfLink(from, to) {
    const [source, target] = [from, to].map((name) => canonicalName(name.replace(/\[[^\]]*\]$/, ""))); // elements of arrays are drawn as one
    const nameOf = (/** @type {string} */ id) => canonicalName(store.elements.get(id)?.variable ?? id ?? "");
    return [...store.elements.values()].filter((one) => {
      if (one.kind === "connector") return nameOf(one.source) === source && nameOf(one.target) === target;
      if (one.kind !== "flow") return false;
      const flow = canonicalName(one.variable ?? "");
      return (flow === source && [one.source, one.target].some((end) => end && nameOf(end) === target));
    });
  }

  /** Light one loop up, or none. @param {any} loop */
  function light(loop) {
    if (!loop) {
      drawBadge(diagram, null);
      paint();
      return;
    }
    const kind = kindOf(loop.polarity);
    const links = new Map();
    for (const [from, to] of linksOf(loop)) {
      for (const one of drawingsOfLink(from, to)) links.set(one.id, { share: 1, kind, strong: true });
    }
    const members = [...store.elements.values()].filter((one) => one.kind !== "connector" && loop.variables.some((/** @type {string} */ name) => canonicalName(name) === canonicalName(one.variable ?? "")));
    paintLinks(diagram, links, members.map((one) => one.id));
    badge(loop, kind, members);
  }

  /** @param {any} loop @param {string} kind @param {any[]} members */
  function badge(loop, kind, members) {
    const own = members.filter((one) => one.kind !== "alias");
    if (!own.length) return;
    const at = /** @type {[number, number]} */ ([own.reduce((sum, one) => sum + one.x, 0) / own.length, own.reduce((sum, one) => sum + one.y, 0) / own.length]);
    drawBadge(diagram, { words: loop.id, kind, at });
  }

  /** Links by their part in what happens at the cursor. */
  function paint() {
    const dominance = state.dominance;
    const time = runs.state.cursor;
    if (!show.checked || !dominance || time === null || isUndefined(time)) {
      paintLinks(diagram, new Map());
      return;
    }
    const period = dominance.periods.find((/** @type {any} */ one) => one.start <= time && time <= one.stop);
    /** @type {Map<string, any>} */
    const links = new Map();
    for (const loop of state.loops) {
      const share = shareNow(loop.id) ?? 0;
      const strong = Boolean(period?.loops.includes(loop.id));
      for (const one of linksOf(loop).flatMap(([from, to]) => drawingsOfLink(from, to))) {
        const sum = links.get(one.id) ?? { share: 0, largest: -1, kind: "unknown", strong: false };
        sum.share += share;
        sum.strong ||= strong;
        if (share > sum.largest) Object.assign(sum, { largest: share, kind: kindOf(loop.polarity) });
        links.set(one.id, sum);
      }
    }
    for (const [id, sum] of links) {
      sum.share = Math.min(sum.share, 1);
      if (sum.share < 0.02 && !sum.strong) links.delete(id);
    }
    paintLinks(diagram, links);
  }

  /** @param {number} time */
  function isUndefined(time) {
    return state.dominance.undefined.some(([start, stop]) => start <= time && time <= stop);
  }

  function drawStrip() {
    const dominance = state.dominance;
    strip.hidden = !dominance?.times.length;
    if (strip.hidden) return;
    const [start, stop] = [dominance.times[0], dominance.times[dominance.times.length - 1]];
    const part = (/** @type {number} */ time) => ((time - start) / (stop - start || 1)) * 100;
    const picture = svg("svg", { class: "periods", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    const words = html("div", { class: "period-words" });
    for (const period of dominance.periods) {
      const kind = kindOf(period.polarity);
      const [from, to] = [part(period.start), part(period.stop)];
      picture.append(svg("rect", { class: kind, x: from, y: 0, width: Math.max(to - from, 0.3), height: 10 }));
      const label = html("span", { text: to - from > 6 ? period.loops.slice(0, 3).join(" ") : "", title: `${period.loops.join(", ")} from ${shortNumber(period.start)} to ${shortNumber(period.stop)}` });
      label.style.left = `${from}%`;
      label.style.width = `${to - from}%`;
      words.append(label);
    }
    for (const [from, to] of dominance.undefined) picture.append(svg("rect", { class: "undefined", x: part(from), y: 0, width: part(to) - part(from), height: 10 }));
    const said = html("p", { class: "visually-hidden", text: `Dominant loops: ${dominance.periods.map((/** @type {any} */ one) => `${one.loops.join(" and ")} from ${shortNumber(one.start)} to ${shortNumber(one.stop)}`).join("; ")}` });
    strip.replaceChildren(picture, words, said);
    if (dominance.undefined.length) strip.append(html("p", { class: "quiet", text: "Grey: nothing changes there, so shares are undefined." }));
  }

  search.addEventListener("input", draw);
  show.addEventListener("change", paint);
  store.on("cursor", () => {
    if (!state.dominance) return;
    if (!state.held) paint();
    if (node.isConnected && !node.closest("[hidden]")) {
      for (const item of list.querySelectorAll(".loop")) {
        const share = shareNow(item.querySelector(".id")?.textContent ?? "");
        const cell = /** @type {HTMLElement} */ (item.querySelector(".share"));
        cell.textContent = share === null ? "undefined" : `${Math.round(share * 100)} %`;
      }
    }
  });
  store.on("run", () => dominateLater());
  store.on("delta", (delta) => {
    if (Object.keys(delta.variables ?? {}).length && state.wanted) find();
    else if (state.held) light(state.held);
    else paint();
  });
  let timer = 0;
  function dominateLater() {
    clearTimeout(timer);
    if (state.wanted) timer = window.setTimeout(dominate, 300);
  }
  return { node, strip, find, opened: () => !state.wanted && find() };
}

/** From each variable of a loop to the next, and from the last to the first. @param {any} loop @returns {[string, string][]} */
function linksOf({ variables }) {
  return variables.map((/** @type {string} */ from, /** @type {number} */ i) => [from, variables[(i + 1) % variables.length]]);
}
