// A field on the diagram for a name or a note, at the place of the thing.

import { html } from "./dom.js";

/**
 * Ask for words at a place of the diagram; resolves to null when it is left with Escape.
 * @param {any} diagram
 * @param {{at: [number, number], label: string, value?: string, lines?: boolean, candidates?: string[],
 *          fault?: (words: string) => string, send: (words: string) => Promise<any>}} what
 * @returns {Promise<string | null>}
 */
export function askWords(diagram, what) {
  return new Promise((resolve) => {
    const note = html("div", { class: "fault", role: "alert" });
    const list = what.candidates ? html("datalist", { id: `${diagram.node.id || "sd"}-names` }) : null;
    for (const name of what.candidates ?? []) list.append(html("option", { value: name }));
    const field = html(what.lines ? "textarea" : "input", {
      "aria-label": what.label, placeholder: what.label, spellcheck: what.lines ? "true" : "false", autocomplete: "off",
      list: list?.id, rows: what.lines ? 2 : null,
    });
    field.value = what.value ?? "";
    const box = html("form", { class: "namefield" }, field, list, note);
    let busy = false;
    let done = false;
    const close = (/** @type {string | null} */ words) => {
      if (done) return;
      done = true;
      diagram.onCamera.splice(diagram.onCamera.indexOf(place), 1);
      box.remove();
      resolve(words);
    };
    const commit = async () => {
      const words = field.value.trim();
      const fault = what.fault?.(words) ?? "";
      note.textContent = fault;
      if (fault || busy) return;
      busy = true;
      try {
        await what.send(words);
        close(words);
      } catch (error) {
        note.textContent = /** @type {Error} */ (error).message;
        field.focus();
      }
      busy = false;
    };
    const place = () => {
      const [x, y] = diagram.toScreen(what.at);
      box.style.left = `${Math.min(Math.max(x, 100), Math.max(diagram.node.clientWidth - 100, 100))}px`;
      box.style.top = `${y}px`;
    };
    box.addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      commit();
    });
    field.addEventListener("input", () => {
      note.textContent = field.value.trim() ? what.fault?.(field.value) ?? "" : "";
    });
    field.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      event.stopPropagation();
      if (event.key === "Escape") close(null);
      else if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        commit();
      }
    });
    field.addEventListener("blur", () => {
      if (busy || done) return;
      if (field.value.trim() && field.value !== what.value) commit();
      else close(null);
    });
    box.addEventListener("pointerdown", (/** @type {Event} */ event) => event.stopPropagation());
    diagram.onCamera.push(place);
    diagram.node.append(box);
    place();
    field.focus();
    field.select();
  });
}
