/** One viewport: which series, which image of it, and how the reader looks at it. */

import { batch, computed, effect, signal } from "@preact/signals";
import type { DisplayModel, ImageEntry, SeriesDisplay } from "../api/model";
import type { Frame } from "../image/frame";
import { valueRange } from "../image/frame";
import {
  type Affine,
  fitScale,
  flippedHorizontally,
  flippedVertically,
  type ImageShape,
  imageToCanvas,
  invert,
  oneToOne,
  panned,
  pixelHeight,
  type Point,
  RESET_VIEW,
  rotated,
  scaleOf,
  type Size,
  type View,
  zoomed,
} from "../image/geometry";
import { draggedWindow, type NamedVoi, resolveVoi, type VoiChoice, windowOf } from "../image/windows";
import type { Window } from "../api/model";

/** An image whose pixels are here, and which may be drawn. */
export interface ShownImage {
  readonly series: SeriesDisplay;
  readonly index: number;
  readonly image: ImageEntry;
  readonly model: DisplayModel;
  readonly frame: Frame;
}

/** What a viewport has been given to show. */
export type Content =
  | { readonly kind: "empty" }
  | { readonly kind: "loading"; readonly study: string; readonly series: string }
  | { readonly kind: "failed"; readonly study: string; readonly series: string; readonly reason: string }
  | {
      readonly kind: "undisplayable";
      readonly study: string;
      readonly series: string;
      readonly description: string;
      /** UIDs of objects that a browser may be able to play. */
      readonly videos?: readonly string[];
    }
  | { readonly kind: "images"; readonly series: SeriesDisplay };

const OWN: VoiChoice = { kind: "own", index: 0 };

/**
 * The key under which a frame is kept. Its instance alone does not name it: two studies, of two
 * patients, may share UIDs, and an instance may be replaced; no pixels must ever stand under
 * another's name.
 */
export function frameKey({ study, series }: SeriesDisplay, image: ImageEntry): string {
  return `${study}/${series}/${image.instance}/${image.version}/${image.frame}`;
}

/** The place of an image in a series that may have changed since; the nearest where it is gone. */
function placeIn(series: SeriesDisplay, image: ImageEntry | undefined, index: number): number {
  const same = series.images.findIndex(
    ({ instance, frame }) => instance === image?.instance && frame === image.frame,
  );
  return same >= 0 ? same : Math.min(index, series.images.length - 1);
}

export class Viewport {
  readonly content = signal<Content>({ kind: "empty" });
  /** Index of the image that the reader wants to see. */
  readonly wanted = signal(0);
  /** The image that is drawn; another than wanted until that one has arrived. */
  readonly shown = signal<ShownImage | null>(null);
  /** Why the wanted image cannot be shown. */
  readonly failure = signal<string | null>(null);
  readonly voi = signal<VoiChoice>(OWN);
  readonly view = signal<View>(RESET_VIEW);
  readonly inverted = signal(false);
  /** Size of the canvas in device pixels. */
  readonly size = signal<Size>({ width: 1, height: 1 });
  readonly playing = signal(false);
  /** Images a second of the cine loop. */
  readonly rate = signal(10);
  /** Where the reader is heading through the stack. */
  direction: 1 | -1 = 1;

  constructor(readonly id: number) {}

  readonly series = computed(() => {
    const content = this.content.value;
    return content.kind === "images" ? content.series : null;
  });

  readonly count = computed(() => this.series.value?.images.length ?? 0);

  /** The VOI transformation of the image that is shown. */
  readonly resolvedVoi = computed<NamedVoi | null>(() => {
    const shown = this.shown.value;
    if (!shown) return null;
    const { model, image, frame } = shown;
    return resolveVoi(this.voi.value, model, image, () => valueRange(frame, model.padding));
  });

  readonly shape = computed<ImageShape | null>(() => {
    const shown = this.shown.value;
    if (!shown) return null;
    const { rows, columns, spacing, aspect } = shown.model;
    return { rows, columns, pixelHeight: pixelHeight(spacing, aspect) };
  });

  readonly toCanvas = computed<Affine | null>(() => {
    const shape = this.shape.value;
    return shape ? imageToCanvas(this.view.value, shape, this.size.value) : null;
  });

  readonly toImage = computed<Affine | null>(() => {
    const toCanvas = this.toCanvas.value;
    return toCanvas ? invert(toCanvas) : null;
  });

  /** Device pixels a column. */
  readonly scale = computed<number | null>(() => {
    const shape = this.shape.value;
    return shape ? scaleOf(this.view.value, shape, this.size.value) : null;
  });

  /** Show a series from one of its images on, as it was made to be seen. */
  open(series: SeriesDisplay, index = 0): void {
    // At once, or whoever listens would put the first image on show before the last one is gone.
    batch(() => {
      this.leaveImage({ kind: "images", series });
      this.wanted.value = index;
      this.rate.value = cineRate(series);
      this.direction = 1;
      this.reset();
    });
  }

  /** Go on with what the series is now, at the same image and seen in the same way. */
  renew(series: SeriesDisplay): void {
    const place = placeIn(series, this.series.peek()?.images[this.wanted.peek()], this.wanted.peek());
    batch(() => {
      this.shown.value = null;
      this.failure.value = null;
      this.wanted.value = place;
      this.content.value = { kind: "images", series };
    });
  }

  /** Show that there is no image, and why. */
  say(content: Exclude<Content, { kind: "images" }>): void {
    batch(() => this.leaveImage(content));
  }

  private leaveImage(content: Content): void {
    this.content.value = content;
    this.shown.value = null;
    this.failure.value = null;
    this.playing.value = false;
  }

  /** Go to an image; beyond the ends means the end. */
  goTo(index: number): void {
    const last = this.count.value - 1;
    if (last < 0) return;
    const within = Math.min(Math.max(Math.round(index), 0), last);
    if (within === this.wanted.value) return;
    this.direction = within > this.wanted.value ? 1 : -1;
    this.failure.value = null;
    this.wanted.value = within;
  }

  scroll(images: number): void {
    this.goTo(this.wanted.value + images);
  }

  /** The next image of the cine loop, which begins anew at the end. */
  advance(): void {
    const next = this.wanted.value + 1;
    this.goTo(next < this.count.value ? next : 0);
    this.direction = 1;
  }

  private change(next: (view: View, shape: ImageShape, size: Size) => View): void {
    const shape = this.shape.value;
    if (shape) this.view.value = next(this.view.value, shape, this.size.value);
  }

  pan(dx: number, dy: number): void {
    this.change((view, shape, size) => panned(view, shape, size, dx, dy));
  }

  zoom(factor: number, at?: Point): void {
    this.change((view, shape, size) => zoomed(view, shape, size, factor, at));
  }

  fit(): void {
    this.view.value = { ...this.view.value, zoom: 1, centre: RESET_VIEW.centre };
  }

  oneToOne(): void {
    this.view.value = oneToOne(this.view.value);
  }

  /** Turn clockwise; an image that was magnified keeps its magnification. */
  rotate(degrees: number): void {
    this.change((view, shape, size) => {
      const turned = rotated(view, degrees);
      if (view.zoom === 1 || view.zoom === "1:1") return turned;
      return { ...turned, zoom: scaleOf(view, shape, size) / fitScale(shape, size, turned.rotation) };
    });
  }

  flipHorizontally(): void {
    this.view.value = flippedHorizontally(this.view.value);
  }

  flipVertically(): void {
    this.view.value = flippedVertically(this.view.value);
  }

  /** Back to how the object wants to be seen; the image stays. */
  reset(): void {
    this.view.value = RESET_VIEW;
    this.voi.value = OWN;
    this.inverted.value = false;
  }

  /** The window that dragging starts from. */
  currentWindow(): Window | null {
    const voi = this.resolvedVoi.value;
    return voi ? windowOf(voi.voi) : null;
  }

  dragWindow(start: Window, dx: number, dy: number): void {
    this.voi.value = { kind: "fixed", name: "", window: draggedWindow(start, dx, dy) };
  }
}

/** Images a second that the object asks for, else a usual one. */
export function cineRate(series: SeriesDisplay): number {
  const model = series.models[0];
  const own = model?.recommendedFrameRate ?? (model?.frameTime ? 1000 / model.frameTime : null);
  return own && own > 0 ? Math.min(60, Math.max(1, Math.round(own))) : 10;
}

/**
 * Keep a viewport's cine loop running while it plays.
 *
 * @param ready whether the next image can be shown; while not, the loop waits for it.
 * @returns what ends it.
 */
export function runCine(viewport: Viewport, ready: (index: number) => boolean): () => void {
  return effect(() => {
    if (!viewport.playing.value || viewport.count.value < 2) return;
    const period = 1000 / viewport.rate.value;
    const timer = setInterval(() => {
      const next = (viewport.wanted.peek() + 1) % viewport.count.peek();
      if (ready(next)) viewport.advance();
    }, period);
    return () => clearInterval(timer);
  });
}
