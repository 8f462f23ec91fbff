// The way to the service: over HTTP, over a notebook's channel, or none in an exported page.

/**
 * @typedef {Object} Link
 * @property {(message: {op: string, args: any, revision?: number}) => Promise<any>} send
 * @property {(event: string, callback: (data: any) => void) => void} on
 * @property {(how: {force?: boolean, hash?: string}) => Promise<any>} save
 * @property {((kind: string, view: number) => string) | null} exportUrl
 * @property {boolean} readOnly
 */

/**
 * The link that fits where the page runs.
 * @param {any} model
 * @returns {Link}
 */
export function openLink(model) {
  const kept = document.getElementById("sdtheory-data");
  if (model?.send) return notebookLink(model);
  if (kept) return keptLink(JSON.parse(kept.textContent || "{}"));
  return serverLink();
}

/** An error with the fields that the service gave. @param {any} fields */
function linkError(fields) {
  return Object.assign(new Error(fields.message || fields.code || "no answer"), fields);
}

/** @param {Response} response */
async function answerOf(response) {
  const text = await response.text();
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    body = { code: String(response.status), message: text.slice(0, 300) || response.statusText };
  }
  if (!response.ok || body.error) throw linkError(body.error ?? body);
  return body;
}

/** @returns {Link} */
function serverLink() {
  /** @param {string} path @param {any} body @param {Object<string, string>} headers */
  const post = async (path, body, headers = {}) => {
    let response;
    try {
      response = await fetch(path, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...headers },
        body: JSON.stringify(body),
      });
    } catch {
      throw linkError({ code: "offline", message: "the editor's server does not answer; is its terminal still open?" });
    }
    return answerOf(response);
  };
  /** @type {EventSource | null} */
  let source = null;
  return {
    readOnly: false,
    send: (message) => post("op", message),
    save: ({ force = false, hash = "" }) => post("save", force ? { force } : {}, { "If-Match": `"${hash}"` }),
    exportUrl: (kind, view) => `export/${kind}?view=${view}`,
    on: (event, callback) => {
      source ??= new EventSource("events");
      if (event === "reopened") {
        let lost = false;
        source.addEventListener("error", () => { lost = true; });
        source.addEventListener("open", () => {
          if (lost) callback({});
          lost = false;
        });
      } else {
        source.addEventListener(event, (message) => {
          const data = /** @type {MessageEvent} */ (message).data;
          if (data) callback(JSON.parse(data));
        });
      }
    },
  };
}

/** @param {any} model @returns {Link} */
function notebookLink(model) {
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
  const waiting = new Map();
  /** @type {Map<string, ((data: any) => void)[]>} */
  const listeners = new Map();
  let last = Math.floor(Math.random() * 1e12); // a cell may show the same editor twice, and both hear all answers
  model.on("msg:custom", (/** @type {any} */ message) => {
    if (message.event) {
      for (const callback of listeners.get(message.event) ?? []) callback(message.data);
      return;
    }
    const entry = waiting.get(message.id);
    if (!entry) return;
    waiting.delete(message.id);
    if (message.error) entry.reject(linkError(message.error));
    else entry.resolve(message.reply);
  });
  /** @param {any} message */
  const send = (message) =>
    new Promise((resolve, reject) => {
      last += 1;
      waiting.set(last, { resolve, reject });
      model.send({ ...message, id: last });
    });
  return {
    readOnly: false,
    send,
    save: (how) => send({ op: "save", args: how }),
    exportUrl: null,
    on: (event, callback) => listeners.set(event, [...(listeners.get(event) ?? []), callback]),
  };
}

/** What an exported page holds answers what it can. @param {any} kept @returns {Link} */
function keptLink(kept) {
  return {
    readOnly: true,
    send: async ({ op, args }) => {
      if (op === "open") return { ...kept.scenes[args.view ?? 0], read_only: true };
      if (op === "simulate" && kept.run) return { ...kept.run, ticket: args.ticket };
      if (op === "loops" && kept.loops) return kept.loops;
      if (op === "dominance" && kept.dominance) return { ...kept.dominance, ticket: args.ticket };
      throw linkError({ code: "read-only", message: "this page is a copy to look at; it holds no more than was exported" });
    },
    save: async () => {
      throw linkError({ code: "read-only", message: "this page is a copy to look at; nothing can be saved" });
    },
    exportUrl: null,
    on: () => {},
  };
}
