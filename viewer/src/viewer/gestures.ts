/** Mouse, wheel and fingers on a viewport, turned into what its tools do. */

import type { Window } from "../api/model";
import type { Point } from "../image/geometry";
import { mouseBindings, turnOf } from "./mouse_bindings";
import type { Viewport } from "./viewport";
import type { Tool, Workspace } from "./workspace";

/** Images that Ctrl and the wheel skip at a time. */
const FAST = 10;
/** Wheel movement, in CSS pixels, that turns one image over on a touch pad. */
const WHEEL_STEP = 40;
/** A mouse wheel's notch is at least this much; it always turns one image over. */
const WHEEL_NOTCH = 50;

/** CSS pixels of dragging that scroll one image: a short stack slowly, a long one across its length. */
export function scrollStep(images: number, height: number): number {
  return Math.min(24, Math.max(3, (height * 0.8) / Math.max(images, 1)));
}

/** How much a vertical drag magnifies. */
export function dragZoom(dy: number): number {
  return Math.exp(-dy / 150);
}

/** How much the wheel magnifies: a quarter for each notch of a mouse, on a touch pad as far as it is moved. */
export function wheelZoom(delta: number, mode: number): number {
  const notches = mode === 0 ? Math.min(1, Math.max(-1, delta / WHEEL_NOTCH)) : Math.sign(delta);
  return 1.25 ** -notches;
}

/** How far two fingers have gone apart on a touch pad: browsers tell of a wheel moved by -100 log of it. */
export function pinchZoom(delta: number): number {
  return Math.exp(-Math.min(WHEEL_NOTCH, Math.max(-WHEEL_NOTCH, delta)) / 100);
}

/** Turns wheel movement into whole images, one for each notch of a mouse. */
export class WheelCounter {
  private rest = 0;

  /** @param delta vertical movement. @param mode 0 pixels, 1 lines, 2 pages (WheelEvent.deltaMode). */
  images(delta: number, mode: number): number {
    if (mode !== 0 || Math.abs(delta) >= WHEEL_NOTCH) {
      this.rest = 0;
      return Math.sign(delta);
    }
    if (Math.sign(delta) !== Math.sign(this.rest)) this.rest = 0;
    this.rest += delta;
    const whole = Math.trunc(this.rest / WHEEL_STEP);
    this.rest -= whole * WHEEL_STEP;
    return whole || 0; // not -0
  }
}

interface Drag {
  readonly tool: Tool;
  readonly start: Point;
  last: Point;
  readonly window: Window | null;
  readonly image: number;
}

interface Pinch {
  readonly fingers: number;
  centre: Point;
  distance: number;
  readonly startY: number;
  readonly image: number;
}

function middle(points: readonly Point[]): Point {
  const x = points.reduce((sum, point) => sum + point.x, 0) / points.length;
  const y = points.reduce((sum, point) => sum + point.y, 0) / points.length;
  return { x, y };
}

function spread(points: readonly Point[], centre: Point): number {
  return points.reduce((sum, { x, y }) => sum + Math.hypot(x - centre.x, y - centre.y), 0);
}

export class Gestures {
  private drag: Drag | null = null;
  private pinch: Pinch | null = null;
  private readonly fingers = new Map<number, Point>();
  private readonly wheel = new WheelCounter();
  /** Whether a Ctrl key is down: browsers say so, too, of fingers that pinch on a touch pad. */
  private ctrlIsDown = false;

  constructor(
    private readonly workspace: Workspace,
    private readonly viewport: Viewport,
    private readonly element: HTMLElement,
  ) {}

  /** Listen to the element; @returns what ends it. */
  listen(): () => void {
    const controller = new AbortController();
    const { signal } = controller;
    const { element } = this;
    element.addEventListener("pointerdown", (event) => this.down(event), { signal });
    element.addEventListener("pointermove", (event) => this.move(event), { signal });
    for (const name of ["pointerup", "pointercancel"] as const) {
      element.addEventListener(name, (event) => this.up(event), { signal });
    }
    element.addEventListener("wheel", (event) => this.turn(event), { signal, passive: false });
    for (const name of ["keydown", "keyup"] as const) {
      window.addEventListener(name, (event) => this.noteCtrl(event), { signal, capture: true });
    }
    element.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
    // Chromium scrolls by itself on a middle press that is not prevented.
    element.addEventListener("mousedown", (event) => event.button === 1 && event.preventDefault(), {
      signal,
    });
    return () => controller.abort();
  }

  private at(event: PointerEvent | WheelEvent): Point {
    const box = this.element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** CSS pixels to device pixels of the canvas. */
  private get ratio(): number {
    return this.viewport.size.peek().width / Math.max(1, this.element.clientWidth);
  }

  private toDevice(point: Point): Point {
    return { x: point.x * this.ratio, y: point.y * this.ratio };
  }

  private toolOf(event: PointerEvent): Tool | null {
    if (event.pointerType === "touch") return this.workspace.touchTool.peek();
    const { middle, right } = mouseBindings.peek();
    return [this.workspace.tool.peek(), middle, right][event.button] ?? null;
  }

  private down(event: PointerEvent): void {
    this.workspace.activate(this.viewport);
    if ((event.target as Element).closest("button, [role=slider]")) return;
    this.element.focus({ preventScroll: true });
    // A pen or a synthetic event may have no pointer to capture.
    if (event.isTrusted) this.element.setPointerCapture(event.pointerId);
    const point = this.at(event);
    if (event.pointerType === "touch") {
      this.fingers.set(event.pointerId, point);
      this.startPinch();
      if (this.fingers.size > 1) return;
    }
    const tool = this.toolOf(event);
    if (tool) this.startDrag(tool, point);
  }

  private startDrag(tool: Tool, point: Point): void {
    const { viewport } = this;
    this.drag = {
      tool,
      start: point,
      last: point,
      window: viewport.currentWindow(),
      image: viewport.wanted.peek(),
    };
  }

  private startPinch(): void {
    const points = [...this.fingers.values()];
    if (points.length < 2) {
      this.pinch = null;
      return;
    }
    this.drag = null;
    const centre = middle(points);
    this.pinch = {
      fingers: points.length,
      centre,
      distance: spread(points, centre),
      startY: centre.y,
      image: this.viewport.wanted.peek(),
    };
  }

  private noteCtrl({ key, type, ctrlKey }: KeyboardEvent): void {
    this.ctrlIsDown = key === "Control" ? type === "keydown" : ctrlKey;
  }

  private move(event: PointerEvent): void {
    this.ctrlIsDown = event.ctrlKey; // which may have been pressed or let go elsewhere
    const point = this.at(event);
    if (this.fingers.has(event.pointerId)) this.fingers.set(event.pointerId, point);
    if (this.pinch) this.movePinch(this.pinch);
    else if (this.drag) this.moveDrag(this.drag, point);
  }

  private movePinch(pinch: Pinch): void {
    const points = [...this.fingers.values()];
    const centre = middle(points);
    if (pinch.fingers >= 3) {
      const step = scrollStep(this.viewport.count.peek(), this.element.clientHeight);
      this.viewport.goTo(pinch.image + (centre.y - pinch.startY) / step);
      return;
    }
    const distance = spread(points, centre);
    const { ratio } = this;
    this.viewport.pan((centre.x - pinch.centre.x) * ratio, (centre.y - pinch.centre.y) * ratio);
    if (pinch.distance > 0) this.viewport.zoom(distance / pinch.distance, this.toDevice(centre));
    pinch.centre = centre;
    pinch.distance = distance;
  }

  private moveDrag(drag: Drag, point: Point): void {
    const { viewport, ratio } = this;
    const dx = point.x - drag.last.x;
    const dy = point.y - drag.last.y;
    if (drag.tool === "pan") viewport.pan(dx * ratio, dy * ratio);
    else if (drag.tool === "zoom") viewport.zoom(dragZoom(dy), this.toDevice(drag.start));
    else if (drag.tool === "scroll") this.dragScroll(drag, point);
    else if (drag.window) {
      viewport.dragWindow(drag.window, point.x - drag.start.x, point.y - drag.start.y);
    }
    drag.last = point;
  }

  private dragScroll(drag: Drag, point: Point): void {
    const step = scrollStep(this.viewport.count.peek(), this.element.clientHeight);
    this.viewport.goTo(drag.image + (point.y - drag.start.y) / step);
  }

  private up(event: PointerEvent): void {
    this.drag = null;
    if (!this.fingers.delete(event.pointerId)) return;
    // Whoever lifts one of three fingers does not mean to begin a pinch with the other two.
    if (this.fingers.size === 0) this.pinch = null;
    else if (this.pinch && this.pinch.fingers < 3) this.startPinch();
  }

  private turn(event: WheelEvent): void {
    event.preventDefault();
    this.workspace.activate(this.viewport);
    const { deltaY, deltaMode } = event;
    const isPinch = event.ctrlKey && !this.ctrlIsDown;
    const turn = turnOf(mouseBindings.peek().wheel, event.ctrlKey || event.metaKey);
    if (isPinch || turn === "zoom") {
      const factor = isPinch ? pinchZoom(deltaY) : wheelZoom(deltaY, deltaMode);
      this.viewport.zoom(factor, this.toDevice(this.at(event)));
      return;
    }
    const images = this.wheel.images(deltaY, deltaMode);
    if (images !== 0) this.viewport.scroll(images * (turn === "scroll-fast" ? FAST : 1));
  }
}
