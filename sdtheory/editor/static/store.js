// What the page knows: the scene that the service sent, the selection, and who wants to hear of changes.

import { canonicalName } from "./dom.js";

/**
 * @typedef {Object} Store
 * @property {import("./link.js").Link} link
 * @property {any} scene
 * @property {Map<string, any>} elements
 * @property {string[]} selection
 * @property {string | null} focused
 * @property {number} view
 * @property {(event: string, callback: (detail: any) => void) => void} on
 * @property {(event: string, detail?: any) => void} emit
 * @property {(view?: number) => Promise<void>} open
 * @property {(op: string, args?: any) => Promise<any>} act
 * @property {(op: string, args?: any) => Promise<any>} attempt
 * @property {(op: string, args?: any) => Promise<any>} ask
 * @property {(op: string, args?: any) => Promise<any>} latest
 * @property {(ids: string[]) => void} select
 * @property {(name: string | null | undefined) => any} variable
 * @property {() => boolean} idle
 * @property {() => Promise<void>} settled
 * @property {(issues: any[]) => void} setIssues
 * @property {(words: string) => void} say
 * @property {(words: string) => void} warn
 */

/**
 * @param {import("./link.js").Link} link
 * @returns {Store}
 */
export function makeStore(link) {
  /** @type {Map<string, ((detail: any) => void)[]>} */
  const listeners = new Map();
  /** @type {Map<string, any>} */
  let byName = new Map();
  /** @type {Promise<any>} */
  let queue = Promise.resolve();
  /** @type {Map<string, number>} */
  const tickets = new Map();
  let pending = 0;
  /** @type {Store} */
  const store = {
    link, scene: null, elements: new Map(), selection: [], focused: null, view: 0,
    on: (event, callback) => listeners.set(event, [...(listeners.get(event) ?? []), callback]),
    emit: (event, detail) => (listeners.get(event) ?? []).forEach((callback) => callback(detail)),
    open: async (view = store.view) => take(await link.send({ op: "open", args: { view } })),
    ask: (op, args = {}) => link.send({ op, args: { view: store.view, ...args } }),
    act: (op, args = {}) => {
      queue = queue.then(() => perform(op, args), () => perform(op, args));
      return queue;
    },
    attempt: (op, args) =>
      store.act(op, args).catch((error) => {
        store.warn(error.message);
        return null;
      }),
    latest: async (op, args = {}) => {
      const ticket = (tickets.get(op) ?? 0) + 1;
      tickets.set(op, ticket);
      const current = () => tickets.get(op) === ticket;
      try {
        const reply = await link.send({ op, args: { view: store.view, ...args, ticket } });
        return current() ? reply : null;
      } catch (error) {
        if (/** @type {any} */ (error).code === "superseded" || !current()) return null;
        throw error;
      }
    },
    select: (ids) => {
      store.selection = ids;
      if (ids.length) store.focused = ids[ids.length - 1];
      store.emit("selection");
    },
    idle: () => pending === 0,
    settled: async () => {
      store.emit("flush"); // fields send what was typed
      await queue.catch(() => {});
    },
    setIssues: (issues) => {
      const [before, after] = [store.scene.issues, issues].map(byVariable);
      store.scene.issues = issues;
      store.emit("issues", new Set([...before.keys(), ...after.keys()].filter((name) => before.get(name) !== after.get(name))));
    },
    variable: (name) => (name ? byName.get(canonicalName(name)) ?? null : null),
    say: (words) => store.emit("say", words),
    warn: (words) => store.emit("warn", words),
  };

  /** @param {any} scene */
  function take(scene) {
    if (!scene.issues.length && store.scene) scene.issues = store.scene.issues; // until they are known anew
    store.scene = scene;
    store.view = scene.view;
    store.elements = new Map(scene.elements.map((/** @type {any} */ element) => [element.id, element]));
    named();
    store.selection = store.selection.filter((id) => store.elements.has(id));
    store.emit("scene");
    store.emit("selection");
  }

  function named() {
    byName = new Map(Object.entries(store.scene.variables).map(([name, variable]) => [canonicalName(name), variable]));
  }

  /** @param {string} op @param {any} args */
  async function perform(op, args) {
    pending += 1;
    try {
      const coming = link.send({ op, args: { view: store.view, ...args }, revision: store.scene.revision });
      store.emit("sent", { op, revision: store.scene.revision + 1 });
      const delta = await coming;
      apply(delta);
      return delta;
    } catch (error) {
      const refused = /** @type {any} */ (error);
      if (refused.code === "stale" && refused.scene) {
        take(refused.scene);
        refused.message = "the model was changed elsewhere; it is shown as it is now, please repeat what you did";
      }
      throw refused;
    } finally {
      pending -= 1;
    }
  }

  /** @param {any} delta */
  function apply(delta) {
    const scene = store.scene;
    if (delta.view !== undefined && delta.view !== store.view) delta = { ...delta, changed: [], removed: [] };
    for (const element of delta.changed) store.elements.set(element.id, element);
    for (const id of delta.removed) store.elements.delete(id);
    scene.elements = [...store.elements.values()];
    for (const [name, variable] of Object.entries(delta.variables ?? {})) {
      if (variable === null) delete scene.variables[name];
      else scene.variables[name] = variable;
    }
    for (const key of ["revision", "issues", "history", "dirty", "bounds", "views", "settings", "dimensions", "units"]) {
      if (delta[key] !== undefined) scene[key] = delta[key];
    }
    named();
    const kept = store.selection.filter((id) => store.elements.has(id));
    const lost = kept.length !== store.selection.length;
    store.selection = kept;
    store.emit("delta", delta);
    if (lost) store.emit("selection");
  }
  return store;
}

/** What is said of each variable, to be compared. @param {any[]} issues */
function byVariable(issues) {
  const found = new Map();
  for (const issue of issues) found.set(issue.variable, (found.get(issue.variable) ?? "") + JSON.stringify(issue));
  return found;
}

/**
 * What is wrong with a new name, or "".
 * @param {Store} store
 * @param {string} name
 * @param {string} [own]
 */
export function nameFault(store, name, own = "") {
  const wanted = canonicalName(name);
  if (!wanted) return "a name is needed";
  if (wanted !== canonicalName(own) && store.variable(name)) return `there is already a variable '${store.variable(name).name}'`;
  return "";
}

/**
 * The elements of the view that show a variable, the original first.
 * @param {Store} store
 * @param {string} name
 * @returns {any[]}
 */
export function drawingsOf(store, name) {
  const wanted = canonicalName(name);
  const found = [...store.elements.values()].filter(
    (element) => element.variable && element.kind !== "connector" && canonicalName(element.variable) === wanted,
  );
  return found.sort((a, b) => Number(a.kind === "alias") - Number(b.kind === "alias"));
}

/**
 * The issues of a variable.
 * @param {Store} store
 * @param {string} name
 * @returns {any[]}
 */
export function issuesOf(store, name) {
  const wanted = canonicalName(name);
  return store.scene.issues.filter((/** @type {any} */ issue) => issue.variable && canonicalName(issue.variable) === wanted);
}
