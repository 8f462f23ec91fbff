// A field for equations: plain text with marks under faults, a live check, completion and a line of help.

import { html, setText } from "./dom.js";

const DEBOUNCE = 60;
const MOST_CANDIDATES = 50;
let fields = 0;

/**
 * @typedef {Object} EquationField
 * @property {HTMLElement} node
 * @property {HTMLTextAreaElement} area
 * @property {(name: string, text: string, faults?: any[]) => void} show
 * @property {() => boolean} changed
 * @property {(words: string) => void} suggest
 */

/**
 * @param {import("./store.js").Store} store
 * @param {{field: "equation" | "initial" | "units", label: string, lines: number, commit: (name: string, text: string) => Promise<any>,
 *          leave: () => void}} how
 * @returns {EquationField}
 */
export function makeEquationField(store, how) {
  fields += 1;
  const own = `sd-field-${fields}`;
  const area = html("textarea", {
    class: "equation-text", rows: how.lines, spellcheck: "false", autocomplete: "off", autocapitalize: "off",
    "aria-label": how.label, "aria-describedby": `${own}-notes`, "aria-autocomplete": "list", "aria-controls": `${own}-list`, "data-field": how.field,
  });
  const under = html("div", { class: "equation-marks", "aria-hidden": "true" });
  const notes = html("div", { class: "notes", id: `${own}-notes` });
  const list = html("ul", { class: "completion", id: `${own}-list`, role: "listbox", "aria-label": "completion", hidden: true });
  const help = html("div", { class: "hint" });
  const node = html("div", { class: "equation" }, html("div", { class: "equation-box" }, under, area, list), notes, help);
  const state = {
    name: "", saved: "", ticket: 0, timer: 0, candidates: /** @type {any[]} */ ([]), active: 0,
    span: /** @type {any} */ (null), all: false, committing: false, dismissed: /** @type {string | null} */ (null),
  };

  /** @param {string} name @param {string} text @param {any[]} [faults] */
  function show(name, text, faults = []) {
    state.name = name;
    state.saved = text;
    state.ticket += 1;
    area.value = text;
    area.readOnly = Boolean(store.scene.read_only);
    hideList();
    setText(help, "");
    mark(faults);
    grow();
  }

  function grow() {
    area.rows = Math.min(Math.max(area.value.split("\n").length, how.lines, Math.ceil(area.value.length / 44)), 12);
  }

  function changed() {
    return area.value !== state.saved;
  }

  function later() {
    clearTimeout(state.timer);
    state.timer = window.setTimeout(check, DEBOUNCE);
  }

  async function check() {
    state.timer = 0;
    state.ticket += 1;
    const ticket = state.ticket;
    const text = area.value;
    let reply;
    try {
      reply = await store.ask("check", { name: state.name, text, field: how.field, caret: area.selectionStart, all: state.all, ticket });
    } catch (error) {
      if (ticket === state.ticket) help.textContent = /** @type {Error} */ (error).message;
      return;
    }
    if (ticket !== state.ticket || text !== area.value) return; // a later one is on its way
    mark(reply.issues ?? []);
    complete(reply.completion);
    helpFor(reply.at);
    area.dispatchEvent(new CustomEvent("checked", { detail: reply }));
  }

  /** Underline what is wrong and say it below. @param {any[]} issues */
  function mark(issues) {
    const text = area.value;
    under.replaceChildren();
    notes.replaceChildren();
    const spans = issues
      .map((issue) => ({ issue, start: issue.start ?? 0, stop: issue.stop ?? text.length }))
      .sort((a, b) => a.start - b.start);
    let done = 0;
    for (const { issue, start, stop } of spans) {
      if (start < done) continue;
      under.append(text.slice(done, start), html("mark", { class: issue.severity, text: text.slice(start, Math.max(stop, start + 1)) || " " }));
      done = Math.max(stop, start + 1);
    }
    under.append(text.slice(done), "\n");
    area.setAttribute("aria-invalid", String(issues.some((issue) => issue.severity === "error")));
    for (const issue of issues) notes.append(noteOf(issue));
  }

  /** @param {any} issue */
  function noteOf(issue) {
    const whole = issue.start === null || issue.start === undefined || (issue.start === 0 && issue.stop >= area.value.length);
    const where = whole ? "" : `column ${issue.start + 1}: `;
    const note = html("div", { class: `note ${issue.severity}` }, html("span", { class: "sign", text: issue.severity === "error" ? "!" : "?" }), where + issue.message);
    if (issue.suggestion) {
      note.append(html("button", {
        type: "button", text: `use ${issue.suggestion}`,
        on: {
          pointerdown: (/** @type {Event} */ event) => event.preventDefault(), // the field keeps the focus
          click: () => replaceSpan(issue.start ?? 0, issue.stop ?? area.value.length, issue.suggestion),
        },
      }));
    }
    return note;
  }

  /** @param {any} completion */
  function complete(completion) {
    const wanted = completion && (state.all || completion.prefix.length > 0);
    const candidates = wanted ? completion.candidates.slice(0, MOST_CANDIDATES) : [];
    const only = candidates.length === 1 && candidates[0].text === completion.prefix;
    const gone = !candidates.length || only || document.activeElement !== area || area.readOnly || state.dismissed === area.value;
    const exact = !state.all && completion && store.variable(completion.prefix); // a whole name needs no list over what follows
    if (gone || exact) {
      hideList();
      return;
    }
    state.candidates = candidates;
    state.span = completion;
    state.active = 0;
    list.replaceChildren(...candidates.map((/** @type {any} */ candidate, /** @type {number} */ i) => option(candidate, i)));
    list.hidden = false;
    area.setAttribute("aria-expanded", "true");
    activate(0);
  }

  /** Until the next answer comes, the list keeps what still fits the text. */
  function narrow() {
    if (list.hidden) return;
    const { start } = state.span;
    const stop = area.selectionStart;
    const plain = (/** @type {string} */ text) => ` ${text.toLowerCase().replace(/[_"]+/g, " ").trimStart()}`;
    const prefix = area.value.slice(start, stop);
    const candidates = stop < start ? [] : state.candidates.filter((/** @type {any} */ one) => plain(one.text).includes(plain(prefix)));
    complete({ start, stop, prefix, candidates });
  }

  /** @param {any} candidate @param {number} i */
  function option(candidate, i) {
    return html("li", {
      id: `${own}-option-${i}`, role: "option", "data-kind": candidate.kind,
      on: {
        pointerdown: (/** @type {Event} */ event) => {
          event.preventDefault();
          accept(i);
        },
      },
    }, html("span", { class: "candidate", text: candidate.text }), html("span", { class: "detail", text: candidate.detail || candidate.kind }));
  }

  /** @param {number} i */
  function activate(i) {
    state.active = (i + state.candidates.length) % state.candidates.length;
    [...list.children].forEach((item, j) => item.setAttribute("aria-selected", String(j === state.active)));
    list.children[state.active].scrollIntoView({ block: "nearest" });
    area.setAttribute("aria-activedescendant", `${own}-option-${state.active}`);
  }

  function hideList() {
    state.candidates = [];
    state.all = false;
    list.hidden = true;
    list.replaceChildren();
    area.removeAttribute("aria-activedescendant");
    area.removeAttribute("aria-expanded");
  }

  /** @param {number} i */
  function accept(i) {
    const { start, stop } = state.span;
    const text = state.candidates[i].text;
    hideList();
    replaceSpan(start, stop, text);
  }

  /** @param {number} start @param {number} stop @param {string} text */
  function replaceSpan(start, stop, text) {
    area.focus();
    area.setSelectionRange(start, stop);
    // the field's own undo knows what is inserted this way
    if (!document.execCommand("insertText", false, text)) area.setRangeText(text, start, stop, "end");
    state.dismissed = area.value;
    grow();
    later();
  }

  /** @param {any} at the function round the caret */
  function helpFor(at) {
    const name = typeof at === "string" ? at : at?.function;
    const found = name && store.scene.functions.find((/** @type {any} */ one) => one.name.toLowerCase() === name.toLowerCase());
    help.textContent = found ? [`${found.name}(${found.arguments})`, found.help].filter(Boolean).join(": ") : "";
  }

  async function commit() {
    clearTimeout(state.timer);
    if (!changed() || state.committing) return true;
    state.committing = true;
    state.ticket += 1;
    const text = area.value;
    try {
      await how.commit(state.name, text);
      state.saved = text;
      return true;
    } catch (error) {
      const refused = /** @type {any} */ (error);
      mark([{ severity: "error", message: refused.message, start: refused.start ?? null, stop: refused.stop ?? null }]);
      if (refused.start !== null && refused.start !== undefined) {
        area.focus();
        area.setSelectionRange(refused.start, refused.stop ?? refused.start);
      }
      store.warn(refused.message);
      return false;
    } finally {
      state.committing = false;
    }
  }

  /** @param {KeyboardEvent} event */
  async function keydown(event) {
    const open = !list.hidden;
    if (event.key === " " && event.ctrlKey) {
      state.all = true;
      state.dismissed = null;
      later();
    } else if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) activate(state.active + (event.key === "ArrowDown" ? 1 : -1));
    else if (open && (event.key === "Enter" || (event.key === "Tab" && !event.shiftKey))) accept(state.active);
    else if (open && event.key === "Escape") {
      state.dismissed = area.value;
      hideList();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (await commit()) how.leave();
      return;
    } else if (event.key === "Escape") {
      show(state.name, state.saved);
      how.leave();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  store.on("flush", () => area.isConnected && commit());
  area.addEventListener("keydown", keydown);
  area.addEventListener("input", () => {
    state.all = false;
    grow();
    narrow();
    later();
  });
  area.addEventListener("scroll", () => {
    under.scrollTop = area.scrollTop;
  });
  area.addEventListener("focus", () => {
    state.dismissed = area.value; // a list comes with typing
    later();
  });
  area.addEventListener("blur", (/** @type {FocusEvent} */ event) => {
    hideList();
    if (!node.contains(/** @type {Node | null} */ (event.relatedTarget))) commit();
  });
  return {
    node, area, show, changed,
    suggest: (words) => {
      area.focus();
      state.all = true;
      state.dismissed = null;
      help.textContent = `linked from ${words}`;
      later();
    },
  };
}
