/** Brings frames and viewports together: loads what is wanted, draws what has arrived. */

import { batch, effect } from "@preact/signals";
import { isReplaced } from "../api/client";
import type { DisplayModel, ImageEntry, SeriesDisplay } from "../api/model";
import { type DisplayTable, displayTable } from "../image/display_table";
import { type Frame, frameBytes } from "../image/frame";
import { type EncodingPolicy, fetchFrame } from "../load/fetch_frame";
import { cacheCapacity, FrameCache } from "../load/frame_cache";
import { FrameQueue, type WantedFrame } from "../load/frame_queue";
import { Link } from "../load/link";
import { prefetchOrder } from "../load/prefetch_order";
import { DrawLoop } from "../render/draw_loop";
import { drawOverlay, OverlayStore } from "../render/overlay_planes";
import { drawShutter } from "../render/shutter";
import type { Picture } from "../render/picture";
import { SharedRenderer } from "../render/shared_renderer";
import { canSketch, type Sketch } from "../render/sketch";
import { frameKey, runCine, type ShownImage, type Viewport } from "./viewport";
import type { Workspace } from "./workspace";

/** What was sketched is drawn once it has not changed for this many milliseconds. */
const REST = 150;

export interface StageOptions {
  readonly softwareOnly: boolean;
  readonly encoding: EncodingPolicy;
}

/** A viewport's layers: the image, in its place a sketch of it, and its overlay planes above. */
export interface Canvases {
  readonly image: HTMLCanvasElement;
  readonly sketch: Sketch;
  readonly overlay: HTMLCanvasElement;
}

export class Stage {
  readonly cache = new FrameCache(
    cacheCapacity((navigator as { deviceMemory?: number }).deviceMemory),
  );
  readonly renderer: SharedRenderer;
  /** When the first image was drawn, in milliseconds since navigation. */
  firstImage: number | null = null;
  private readonly queue: FrameQueue;
  private readonly link = new Link();
  private readonly overlays = new OverlayStore(() => this.redrawAll());
  private readonly loop = new DrawLoop((callback) => requestAnimationFrame(callback));
  private readonly canvases = new Map<Viewport, Canvases>();
  private readonly tables = new WeakMap<Viewport, { key: unknown[]; table: DisplayTable }>();
  private readonly drawings = new Map<Viewport, () => void>();
  /** Viewports that show a sketch, with the timer that ends it. */
  private readonly sketched = new Map<Viewport, ReturnType<typeof setTimeout> | undefined>();
  private readonly loadedListeners = new Set<() => void>();

  constructor(
    private readonly workspace: Workspace,
    private readonly options: StageOptions,
  ) {
    this.renderer = new SharedRenderer(() => this.redrawAll(), options.softwareOnly);
    this.queue = new FrameQueue(this.cache, {
      loaded: (key) => this.arrived(key),
      failed: (key, reason) => this.failed(key, reason),
    });
  }

  /** Let a viewport draw on its canvases; @returns what ends it. */
  attach(viewport: Viewport, canvases: Canvases): () => void {
    this.canvases.set(viewport, canvases);
    const drawing = () => this.draw(viewport);
    this.drawings.set(viewport, drawing);
    // Empty, then: what lay over the image went with the graphics process.
    const restored = () => this.loop.request(drawing);
    canvases.overlay.addEventListener("contextrestored", restored);
    const ends = [
      () => canvases.overlay.removeEventListener("contextrestored", restored),
      effect(() => this.loadFor(viewport)),
      effect(() => this.drawWhenChanged(viewport)),
      runCine(viewport, (index) => this.isLoaded(viewport, index)),
    ];
    return () => {
      for (const end of ends) end();
      this.queue.leave(viewport);
      this.loop.cancel(drawing);
      this.endSketch(viewport);
      this.canvases.delete(viewport);
      this.drawings.delete(viewport);
    };
  }

  /** Whether a viewport shows its image as well as it can be shown. */
  isDrawn(viewport: Viewport): boolean {
    return !this.sketched.has(viewport);
  }

  /** Give back what was taken; nothing is drawn after this. */
  dispose(): void {
    for (const viewport of [...this.sketched.keys()]) this.endSketch(viewport);
    this.renderer.dispose();
  }

  /** Hear of every frame that arrives; @returns what ends it. */
  onLoaded(listener: () => void): () => void {
    this.loadedListeners.add(listener);
    return () => this.loadedListeners.delete(listener);
  }

  /** Whether an image's pixels are here. */
  isLoaded(viewport: Viewport, index: number): boolean {
    const series = viewport.series.peek();
    const image = series?.images[index];
    return Boolean(series && image && this.cache.has(frameKey(series, image)));
  }

  /** Load again the image that could not be shown. */
  retry(viewport: Viewport): void {
    const key = this.wantedKey(viewport);
    if (key === null) return;
    viewport.failure.value = null;
    this.queue.retry(key);
  }

  private loadFor(viewport: Viewport): void {
    const series = viewport.series.value;
    if (!series) {
      this.queue.leave(viewport);
      return;
    }
    const wanted = viewport.wanted.value;
    this.show(viewport, series, wanted);
    const largest = Math.max(...series.models.map((m) => frameBytes(m.rows, m.columns, m.format)));
    // Each viewport has its share of the cache, so that they do not drive each other's frames out.
    const share = (this.cache.capacity * 0.9) / Math.max(1, this.canvases.size);
    const limit = this.workspace.settledIn.value ? Math.max(1, Math.floor(share / largest)) : 1;
    const order = prefetchOrder(wanted, series.images.length, viewport.direction, limit);
    this.queue.want(viewport, order.flatMap((index) => this.wantedFrame(series, index)));
  }

  private wantedFrame(series: SeriesDisplay, index: number): WantedFrame[] {
    const image = series.images[index];
    if (!image) return [];
    return [
      {
        key: frameKey(series, image),
        load: (signal) => this.load(series, image, signal),
      },
    ];
  }

  private async load(series: SeriesDisplay, image: ImageEntry, signal: AbortSignal): Promise<Frame> {
    try {
      const early = this.workspace.takeEarlyFrame();
      return await fetchFrame(series, image, this.link, this.options.encoding, signal, early);
    } catch (error) {
      if (isReplaced(error)) void this.workspace.renewSeries(series);
      throw error;
    }
  }

  /** Put an image on show if its pixels are here. */
  private show(viewport: Viewport, series: SeriesDisplay, index: number): void {
    const image = series.images[index];
    const model = image && series.models[image.model];
    const frame = image && this.cache.get(frameKey(series, image));
    if (!image || !model) return;
    batch(() => {
      viewport.failure.value = this.queue.failure(frameKey(series, image)) ?? null;
      if (frame) viewport.shown.value = { series, index, image, model, frame };
    });
  }

  /** The key of the image that a viewport's reader wants to see. */
  private wantedKey(viewport: Viewport): string | null {
    const series = viewport.series.peek();
    const image = series?.images[viewport.wanted.peek()];
    return series && image ? frameKey(series, image) : null;
  }

  private showing(key: string, act: (viewport: Viewport) => void): void {
    for (const viewport of this.canvases.keys()) {
      if (this.wantedKey(viewport) === key) act(viewport);
    }
  }

  private arrived(key: string): void {
    this.showing(key, (viewport) => {
      const series = viewport.series.peek();
      if (series) this.show(viewport, series, viewport.wanted.peek());
    });
    for (const listener of this.loadedListeners) listener();
  }

  private failed(key: string, reason: string): void {
    this.workspace.firstDrawn.value = true;
    this.showing(key, (viewport) => {
      viewport.failure.value = reason;
    });
  }

  private redrawAll(): void {
    for (const drawing of this.drawings.values()) this.loop.request(drawing);
  }

  private drawWhenChanged(viewport: Viewport): void {
    // Reading the signals here is what makes their changes draw.
    void [viewport.shown.value, viewport.toImage.value, viewport.resolvedVoi.value];
    void [viewport.inverted.value, viewport.size.value];
    void [this.workspace.interpolation.value, this.workspace.overlays.value];
    const drawing = this.drawings.get(viewport);
    if (!drawing) return;
    // The first image goes with the page's first paint, for which the loop would be too late.
    if (this.firstImage === null && viewport.shown.peek()) drawing();
    else this.loop.request(drawing);
  }

  private tableFor(viewport: Viewport, model: DisplayModel): DisplayTable | null {
    const voi = viewport.resolvedVoi.peek()?.voi;
    if (!voi) return null;
    const key = [model, voi, viewport.inverted.peek()];
    const known = this.tables.get(viewport);
    if (known?.key.every((part, i) => part === key[i])) return known.table;
    const table = displayTable(model.format, {
      modality: model.modality,
      voi,
      presentation: model.presentation,
      inverted: viewport.inverted.peek(),
      palette: model.supplementalPalette ?? null,
    });
    this.tables.set(viewport, { key, table });
    return table;
  }

  private draw(viewport: Viewport): void {
    const canvases = this.canvases.get(viewport);
    if (!canvases) return;
    matchSize(canvases.image, viewport);
    const shown = viewport.shown.peek();
    this.drawOverlays(viewport, canvases.overlay, shown);
    const picture = this.pictureOf(viewport, shown);
    if (picture) this.drawPicture(viewport, canvases, picture);
    else if (this.firstImage !== null) {
      this.endSketch(viewport);
      this.renderer.clear(canvases.image);
    }
  }

  private pictureOf(viewport: Viewport, shown: ShownImage | null): Picture | null {
    const toImage = viewport.toImage.peek();
    const table = shown && this.tableFor(viewport, shown.model);
    if (!shown || !toImage || !table) return null;
    return {
      key: frameKey(shown.series, shown.image),
      frame: shown.frame,
      table,
      padding: shown.model.padding,
      toImage,
      // Between a grey and a palette's index lies nothing.
      smooth: this.workspace.interpolation.peek() && !table.coloured,
    };
  }

  /** Draw a picture; where that takes long, sketch it until it rests. */
  private drawPicture(viewport: Viewport, canvases: Canvases, picture: Picture): void {
    if (this.renderer.isSlow && canSketch(picture)) this.sketchPicture(viewport, canvases, picture);
    else {
      this.renderer.show(canvases.image, picture);
      this.endSketch(viewport);
    }
    if (this.firstImage === null) this.firstDrawn();
  }

  private sketchPicture(viewport: Viewport, canvases: Canvases, picture: Picture): void {
    canvases.sketch.show(picture, devicePixelRatio, !this.workspace.firstDrawn.peek());
    canvases.image.style.visibility = "hidden";
    clearTimeout(this.sketched.get(viewport));
    const draw = () => {
      this.renderer.show(canvases.image, picture);
      this.endSketch(viewport);
    };
    // The very first waits for WebGL2 to be started: to draw it without takes longer.
    const timer = this.workspace.firstDrawn.peek() ? setTimeout(draw, REST) : undefined;
    this.sketched.set(viewport, timer);
  }

  private endSketch(viewport: Viewport): void {
    clearTimeout(this.sketched.get(viewport));
    const canvases = this.canvases.get(viewport);
    if (!this.sketched.delete(viewport) || !canvases) return;
    canvases.image.style.visibility = "visible";
    canvases.sketch.hide();
  }

  private firstDrawn(): void {
    this.firstImage = performance.now();
    // After the browser has shown it: a frame begins only when the one before is on its way.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        this.workspace.firstDrawn.value = true;
        // And what has come with this frame: starting WebGL2 takes long.
        setTimeout(() => {
          this.renderer.accelerate();
          this.redrawAll();
        });
      }),
    );
  }

  private drawOverlays(viewport: Viewport, canvas: HTMLCanvasElement, shown: ShownImage | null): void {
    const toCanvas = viewport.toCanvas.peek();
    const planes = this.workspace.overlays.peek() ? (shown?.model.overlays ?? []) : [];
    canvas.hidden = planes.length === 0 && !shown?.model.shutter;
    if (canvas.hidden) return;
    matchSize(canvas, viewport);
    const context = canvas.getContext("2d");
    context?.clearRect(0, 0, canvas.width, canvas.height);
    if (context && toCanvas && shown) drawShutter(context, shown.model, toCanvas);
    for (const plane of planes) {
      const picture = this.overlays.get(plane, shown?.image.frame ?? 1);
      if (!context || !picture || !toCanvas) continue;
      drawOverlay(context, picture, plane, toCanvas, this.workspace.interpolation.peek());
    }
  }
}

function matchSize(canvas: HTMLCanvasElement, viewport: Viewport): void {
  const { width, height } = viewport.size.peek();
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
