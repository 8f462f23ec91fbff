// The panel of one link: its ends, its sign beside the computed one, its mark of delay, its line.

import { button, canonicalName, html, labelled, setText } from "./dom.js";
import { endWords } from "./describe.js";

const SIGNS = /** @type {Object<string, string>} */ ({ "": "none", "+": "+ (same direction)", "-": "\u2212 (opposite direction)" });
const SPOKEN = /** @type {Object<string, string>} */ ({ "": "no sign", "+": "positive", "-": "negative" });

/**
 * @param {import("./store.js").Store} store
 * @param {() => void} leave gives the focus back to the diagram
 */
export function makeLinkPanel(store, leave) {
  /** @type {any} */
  let link = null;
  /** @type {{revision: number, signs: Map<string, Set<string>> | null}} */
  let known = { revision: -1, signs: null };
  const from = button("", () => goTo(link.source), { class: "plain" });
  const to = button("", () => goTo(link.target), { class: "plain" });
  const sign = html("select", { "aria-label": "Sign" });
  const computed = html("span", { class: "quiet" });
  const use = button("", () => useComputed(), {});
  const delay = html("input", { type: "checkbox", "aria-label": "Delay mark" });
  const dashed = html("input", { type: "checkbox", "aria-label": "Dashed line" });
  const dashedField = html("label", { class: "inline" }, dashed, html("span", { text: "Dashed line" }));
  const node = html("div", { class: "link-panel", role: "group", "aria-label": "Link", hidden: true },
    html("span", { class: "title", text: "Link" }),
    html("p", { class: "ends" }, from, html("span", { text: " \u2192 " }), to),
    labelled("Sign", sign), html("div", { class: "buttons" }, computed, use),
    html("div", { class: "checks" }, html("label", { class: "inline" }, delay, html("span", { text: "Delay mark" })), dashedField));

  /** @param {string | null} id */
  function goTo(id) {
    const end = store.elements.get(id ?? "");
    if (end?.variable) store.emit("go-to", end.variable);
  }

  function selected() {
    const [id, ...more] = store.selection;
    const element = store.elements.get(id ?? "");
    return !more.length && element?.kind === "connector" ? element : null;
  }

  /** Show the selected link; whether there is one. */
  function show() {
    link = selected();
    node.hidden = !link;
    if (!link) return false;
    const readOnly = Boolean(store.scene.read_only);
    setText(from, endWords(store, link.source));
    setText(to, endWords(store, link.target));
    showSign();
    delay.checked = link.delay;
    dashed.checked = link.line_style === "dashed";
    dashedField.hidden = store.scene.format !== "xmile"; // no field of a Vensim file is known to say it
    for (const field of [sign, delay, dashed]) field.disabled = readOnly;
    showComputed();
    if (!readOnly && known.revision !== store.scene.revision) compute();
    return true;
  }

  /** What the file says; a letter that is neither plus nor minus is kept and told. */
  function showSign() {
    const other = !link.polarity && link.text && link.text !== "none" ? link.text : "";
    const options = other ? [["other", `${other} (as in the file)`], ...Object.entries(SIGNS)] : Object.entries(SIGNS);
    if (sign.options.length !== options.length || sign.options[0].text !== options[0][1]) {
      sign.replaceChildren(...options.map(([value, text]) => html("option", { value, text })));
    }
    sign.value = other ? "other" : link.polarity;
  }

  /** The signs of all links, computed once for each state of the model. */
  async function compute() {
    const { revision } = store.scene;
    known = { revision, signs: known.signs };
    let signs = null;
    try {
      const reply = await store.latest("signs");
      if (!reply) {
        known.revision = -1;
        return;
      }
      signs = signsByEnds(reply.links);
    } catch {
      signs = null; // the model cannot be read, which the list of issues tells
    }
    known = { revision, signs };
    if (link) showComputed();
  }

  /** The computed sign of the link that is shown: "" when it is not known or not the same all the time. */
  function computedSign() {
    const found = known.signs?.get(endsKey(endWords(store, link.source), endWords(store, link.target)));
    const [only] = found ?? [];
    return found?.size === 1 && only in SIGNS ? only : "";
  }

  function showComputed() {
    const now = computedSign();
    const offered = now !== "" && now !== link.polarity && !store.scene.read_only;
    const mark = now === "-" ? "\u2212" : now;
    setText(computed, now === "" ? "No one sign follows from the equations." : `From the equations: ${mark}`);
    computed.hidden = !known.signs;
    setText(use, `Use computed sign (${mark})`);
    if (!offered && use.contains(document.activeElement)) sign.focus();
    use.hidden = !offered;
  }

  /** @param {any} look @param {string} words */
  async function change(look, words) {
    const delta = await store.attempt("reshape", { id: link.id, ...look });
    if (delta) store.say(words);
    else show(); // as it is still in the file
  }

  function useComputed() {
    const polarity = computedSign();
    if (polarity) change({ polarity }, `sign: ${SPOKEN[polarity]}, as computed`);
  }

  sign.addEventListener("change", () => {
    if (sign.value !== "other") change({ polarity: sign.value }, `sign: ${SPOKEN[sign.value]}`);
  });
  delay.addEventListener("change", () => change({ delay: delay.checked }, delay.checked ? "delay mark on" : "delay mark off"));
  dashed.addEventListener("change", () => change({ line_style: dashed.checked ? "dashed" : "solid" }, dashed.checked ? "line dashed" : "line solid"));
  node.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    leave();
  });
  return { node, show, edit: () => sign.focus() };
}

/** @param {string} source @param {string} target */
function endsKey(source, target) {
  return JSON.stringify([source, target].map((name) => canonicalName(name.replace(/\[[^\]]*\]$/, "")))); // elements of arrays are drawn as one
}

/** @param {{source: string, target: string, polarity: string}[]} links */
function signsByEnds(links) {
  /** @type {Map<string, Set<string>>} */
  const signs = new Map();
  for (const { source, target, polarity } of links) {
    const key = endsKey(source, target);
    signs.set(key, (signs.get(key) ?? new Set()).add(polarity));
  }
  return signs;
}
