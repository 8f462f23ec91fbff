// The pointer on the diagram: select, drag, bend, attach, pan, zoom; one operation is sent on release.

import { fromChord, leavingAngle, onPipe, withBendAt, withNewBend } from "./geometry.js";
import { drawGuides, drawHandles } from "./marks.js";
import { dragPreview, isMovable, neighboursOf, reclippedLink, reshapedFlow } from "./moving.js";
import { snapped } from "./snapping.js";
import { svg } from "./dom.js";

const DRAG_FROM = 3;
const STRAIGHT_WITHIN = 3;
const SNAP_WITHIN = 5; // pixels of the screen
const LEAST_SIZE = [24, 16];

/**
 * @param {import("./store.js").Store} store
 * @param {any} diagram
 * @param {any} tools
 */
export function listenToPointer(store, diagram, tools) {
  /** @type {any} */
  let drag = null;
  let space = false;
  /** @type {Map<number, [number, number]>} */
  const touches = new Map();
  const elementOf = (/** @type {string} */ id) => store.elements.get(id);

  /** @param {PointerEvent} event */
  function down(event) {
    touches.set(event.pointerId, [event.clientX, event.clientY]);
    if (/** @type {Element} */ (event.target).closest(".namefield")) return;
    const at = diagram.toDiagram(event.clientX, event.clientY);
    const target = /** @type {Element} */ (event.target);
    const handle = target.closest("[data-handle]");
    const element = elementOf((handle ?? target.closest("[data-element]"))?.getAttribute("data-element") ?? "");
    diagram.canvas.setPointerCapture(event.pointerId);
    const base = { start: [event.clientX, event.clientY], at, moved: false, element };
    if (event.button === 1 || space || touches.size > 1) drag = { ...base, kind: "pan", last: base.start };
    else if (event.button !== 0) return;
    else if (tools.state.tool) {
      if (!tools.state.asking) {
        tools.press(at, element);
        drag = { ...base, kind: "tool" };
      }
    } else if (handle) drag = { ...base, kind: handle.getAttribute("data-handle"), handle: true };
    else if (element) drag = { ...base, kind: pick(event, element) };
    else drag = { ...base, kind: event.pointerType === "touch" ? "pan" : "band", last: base.start };
  }

  /** Select what is pressed. @param {PointerEvent} event @param {any} element */
  function pick(event, element) {
    const chosen = store.selection.includes(element.id);
    if (event.shiftKey || event.ctrlKey || event.metaKey) {
      store.select(chosen ? store.selection.filter((id) => id !== element.id) : [...store.selection, element.id]);
    } else if (!chosen) store.select([element.id]);
    diagram.focusOn(element.id);
    if (element.kind === "connector") return "control";
    return "move";
  }

  /** @param {PointerEvent} event */
  function move(event) {
    const before = touches.get(event.pointerId);
    if (before) touches.set(event.pointerId, [event.clientX, event.clientY]);
    if (touches.size === 2 && before) {
      pinch(event, before);
      return;
    }
    if (tools.state.tool && !tools.state.asking) tools.hover(diagram.toDiagram(event.clientX, event.clientY));
    if (!drag) return;
    const distance = Math.hypot(event.clientX - drag.start[0], event.clientY - drag.start[1]);
    if (!drag.moved && distance < DRAG_FROM) return;
    drag.moved = true;
    drag.free = event.altKey;
    drag.now = diagram.toDiagram(event.clientX, event.clientY);
    if (drag.kind === "pan") {
      diagram.panBy(event.clientX - drag.last[0], event.clientY - drag.last[1]);
      drag.last = [event.clientX, event.clientY];
    } else if (!drag.frame) {
      drag.frame = requestAnimationFrame(() => {
        if (drag) {
          drag.frame = 0;
          show();
        }
      });
    }
  }

  /** @param {PointerEvent} event @param {[number, number]} before */
  function pinch(event, before) {
    const other = [...touches].find(([id]) => id !== event.pointerId)?.[1];
    if (!other) return;
    const box = diagram.canvas.getBoundingClientRect();
    const spread = (/** @type {number[]} */ point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
    diagram.zoomBy(spread([event.clientX, event.clientY]) / spread(before), [other[0] - box.left, other[1] - box.top]);
  }

  /** What the drag would do, on the screen only. */
  function show() {
    const result = outcome();
    if (result?.preview) diagram.preview(result.preview);
    if (drag.kind === "move") drawGuides(diagram, result?.guides ?? []);
    if (drag.kind === "band") band();
  }

  function band() {
    diagram.marks.querySelector(".band")?.remove();
    const [a, b] = [drag.at, drag.now];
    diagram.marks.append(svg("rect", {
      class: "band", x: Math.min(a[0], b[0]), y: Math.min(a[1], b[1]), width: Math.abs(a[0] - b[0]), height: Math.abs(a[1] - b[1]),
    }));
  }

  /** The operation of the drag as it stands, and how it looks. */
  function outcome() {
    const [dx, dy] = [drag.now[0] - drag.at[0], drag.now[1] - drag.at[1]];
    const element = drag.element;
    if (drag.kind === "move") return moveOutcome(dx, dy);
    if (drag.kind === "control") return controlOutcome(element);
    if (drag.kind === "size") return sizeOutcome(element, dx, dy);
    if (drag.kind === "source" || drag.kind === "target") return endOutcome(element, drag.kind);
    const [what, index] = drag.kind.split(":");
    if (what === "bend" || what === "pull") {
      const points = what === "bend" ? withBendAt(element.points, Number(index), drag.now) : withNewBend(element.points, Number(index), drag.now);
      const shown = reshapedFlow(element, elementOf, points, onPipe(points, [element.x, element.y]));
      return { preview: redrawnOnly(element.id, shown.groups), op: "reshape", args: { id: element.id, points: points.map(rounded) } };
    }
    return null;
  }

  /** @param {number} dx @param {number} dy */
  function moveOutcome(dx, dy) {
    const ids = store.selection.filter((id) => isMovable(elementOf(id)));
    if (!ids.length) return null;
    const to = snapOf(ids, dx, dy);
    const preview = dragPreview(store, ids, to.x ? to.x.x - drag.element.x : dx, to.y ? to.y.y - drag.element.y : dy);
    const held = preview.moved.get(drag.element.id);
    // a valve goes only where its pipe is
    const guides = /** @type {("x" | "y")[]} */ (["x", "y"]).filter((axis) => to[axis] && Math.abs(held[axis] - to[axis][axis]) < 0.01)
      .map((axis) => ({ axis, from: to[axis], to: held }));
    const elements = ids.map((id) => {
      const { x, y } = preview.moved.get(id);
      const exact = (/** @type {"x" | "y"} */ axis) => id === drag.element.id && guides.some((guide) => guide.axis === axis);
      return { id, x: exact("x") ? to.x.x : Math.round(x), y: exact("y") ? to.y.y : Math.round(y) };
    });
    return { preview, guides, op: "move", args: { elements }, words: "moved" };
  }

  /** The neighbours that the pressed element is level with or in line with when it is so far away. @param {string[]} ids @param {number} dx @param {number} dy */
  function snapOf(ids, dx, dy) {
    if (drag.free || !ids.includes(drag.element.id)) return { x: null, y: null };
    drag.neighbours ??= neighboursOf(store, ids, diagram);
    return snapped({ x: drag.element.x + dx, y: drag.element.y + dy }, drag.neighbours, SNAP_WITHIN / diagram.camera.scale);
  }

  /** @param {any} link */
  function controlOutcome(link) {
    const [source, target] = [elementOf(link.source), elementOf(link.target)];
    if (!source || !target || link.points.length) return null;
    const [start, stop] = /** @type {[number, number][]} */ ([[source.x, source.y], [target.x, target.y]]);
    const straight = fromChord(start, drag.now, stop) < STRAIGHT_WITHIN;
    const control = straight ? null : drag.now;
    const shown = reclippedLink({ ...link, control }, elementOf);
    const args = store.scene.format === "xmile"
      ? { id: link.id, angle: Math.round(leavingAngle(start, control, stop) * 10) / 10 }
      : { id: link.id, control: control && rounded(control) };
    return { preview: redrawnOnly(link.id, shown.groups), op: "reshape", args };
  }

  /** @param {any} element @param {number} dx @param {number} dy */
  function sizeOutcome(element, dx, dy) {
    const width = Math.max(Math.round(element.width + 2 * dx), LEAST_SIZE[0]);
    const height = Math.max(Math.round(element.height + 2 * dy), LEAST_SIZE[1]);
    const groups = element.groups.map((/** @type {any} */ group) => ({
      ...group, shapes: group.shapes.map((/** @type {any} */ shape) => (shape.type === "box" ? { ...shape, width, height } : shape)),
    }));
    return { preview: redrawnOnly(element.id, groups), op: "reshape", args: { id: element.id, width, height } };
  }

  /** @param {any} flow @param {"source" | "target"} end */
  function endOutcome(flow, end) {
    const onto = stockAt(drag.now);
    const to = onto ?? { kind: "cloud", x: drag.now[0], y: drag.now[1], width: 20, height: 16, id: "new" };
    const points = flow.points.map((/** @type {number[]} */ point) => [...point]);
    const at = end === "target" ? points.length - 1 : 0;
    const by = [to.x - points[at][0], to.y - points[at][1]];
    const trial = { ...flow, [end]: to.id, points };
    points[at] = [points[at][0] + by[0], points[at][1] + by[1]];
    const shown = reshapedFlow(trial, (id) => (id === "new" ? to : elementOf(id)), points, [flow.x, flow.y]);
    return {
      preview: redrawnOnly(flow.id, shown.groups), op: "attach",
      args: { id: flow.id, end, to: onto?.id ?? null, ...(onto ? {} : { point: rounded(drag.now) }) },
      words: onto ? `attached to ${onto.variable}` : "ends in a cloud",
    };
  }

  /** @param {[number, number]} at */
  function stockAt(at) {
    return [...store.elements.values()].find((element) => element.kind === "stock" &&
      Math.abs(at[0] - element.x) <= element.width / 2 + 8 && Math.abs(at[1] - element.y) <= element.height / 2 + 8);
  }

  /** @param {PointerEvent} event */
  async function up(event) {
    touches.delete(event.pointerId);
    const ended = drag;
    if (!ended) return;
    if (ended.frame) cancelAnimationFrame(ended.frame);
    if (ended.kind === "tool") {
      drag = null;
      await tools.release(diagram.toDiagram(event.clientX, event.clientY), ended.moved ? null : ended.element);
      return;
    }
    ended.free = event.altKey;
    const result = ended.moved && ended.now ? outcome() : null;
    clearMarks();
    if (ended.kind === "band") selectInside(ended);
    drag = null;
    if (result && !store.scene.read_only) await send(result);
    else if (result) restore(result);
  }

  /** @param {any} result */
  async function send(result) {
    const delta = await store.attempt(result.op, result.args);
    if (!delta) restore(result);
    else {
      diagram.preview(null);
      for (const id of result.preview.redrawn.keys()) if (elementOf(id)) diagram.draw(elementOf(id));
      drawHandles(store, diagram);
      store.say(result.words ?? "reshaped");
    }
  }

  /** Draw as it was. @param {any} result */
  function restore(result) {
    diagram.preview(null);
    for (const id of result.preview.redrawn.keys()) if (elementOf(id)) diagram.draw(elementOf(id));
    drawHandles(store, diagram);
  }

  /** @param {any} ended */
  function selectInside(ended) {
    if (!ended.moved) {
      store.select([]);
      return;
    }
    const [left, right] = [ended.at[0], ended.now[0]].sort((a, b) => a - b);
    const [top, bottom] = [ended.at[1], ended.now[1]].sort((a, b) => a - b);
    const inside = [...store.elements.values()].filter((one) => isMovable(one) && one.x > left && one.x < right && one.y > top && one.y < bottom);
    store.select(inside.map((one) => one.id));
    store.say(`${inside.length} selected`);
  }

  function clearMarks() {
    diagram.marks.querySelector(".band")?.remove();
    drawGuides(diagram, []);
  }

  function abandon() {
    if (!drag) return false;
    const result = drag.moved && drag.now ? outcome() : null;
    clearMarks();
    drag = null;
    if (result) restore(result);
    return true;
  }

  diagram.canvas.addEventListener("pointerdown", down);
  diagram.canvas.addEventListener("pointermove", move);
  diagram.canvas.addEventListener("pointerup", up);
  diagram.canvas.addEventListener("pointercancel", (/** @type {PointerEvent} */ event) => {
    touches.delete(event.pointerId);
    abandon();
  });
  diagram.canvas.addEventListener("dblclick", (/** @type {MouseEvent} */ event) => {
    // the canvas had the pointer captured and is the target itself
    const root = /** @type {Document} */ (diagram.canvas.getRootNode());
    const id = root.elementFromPoint(event.clientX, event.clientY)?.closest("[data-element]")?.getAttribute("data-element");
    const element = id ? elementOf(id) : null;
    if (element && !tools.state.tool) store.emit("open-element", element);
  });
  diagram.canvas.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
    event.preventDefault();
    const box = diagram.canvas.getBoundingClientRect();
    diagram.zoomBy(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), [event.clientX - box.left, event.clientY - box.top]);
  }, { passive: false });
  return {
    abandon,
    holdSpace: (/** @type {boolean} */ held) => {
      space = held;
      diagram.node.classList.toggle("panning", held);
    },
  };
}

/** @param {number[]} point @returns {[number, number]} */
function rounded(point) {
  return [Math.round(point[0]), Math.round(point[1])];
}

/** @param {string} id @param {any[]} groups */
function redrawnOnly(id, groups) {
  return { shifted: new Set(), dx: 0, dy: 0, redrawn: new Map([[id, groups]]) };
}
