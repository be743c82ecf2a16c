/**
 * A picture at once: the image's own pixels in greys, which the browser itself lays out and scales.
 *
 * Where the processor stands in for a graphics card, to draw every pixel of a large canvas takes
 * longer than an image may take while a reader scrolls; an image's own pixels are fewer, and the
 * browser puts them on the screen in any case. What it interpolates are greys, not stored values:
 * good for what moves, and drawn again by a renderer once it rests.
 */

import { invert } from "../image/geometry";
import type { Picture } from "./picture";
import { writeImage } from "./software";

/** Pixels that are turned into greys in some ten milliseconds. */
const MOST_PIXELS = 4e6;
/** Shrunk further, the browser would leave out pixels. */
const MOST_SHRUNK = 2;

/** Whether a picture can be sketched, and looks right then. */
export function canSketch({ frame, toImage }: Picture): boolean {
  if (frame.columns * frame.rows > MOST_PIXELS) return false;
  const { a, b, c, d } = toImage;
  return Math.max(Math.hypot(a, b), Math.hypot(c, d)) <= MOST_SHRUNK;
}

/** The sketch of one viewport, on a canvas as large as the image, laid where the image belongs. */
export class Sketch {
  private canvas: HTMLCanvasElement | null = null;
  /** What the canvas holds; it need not be made again to be moved. */
  private held: Pick<Picture, "frame" | "table" | "padding"> | null = null;
  private isFirst = false;
  /** What is put on the canvas, made anew only for another size. */
  private image: ImageData | null = null;

  /** @param place the element in which the canvas stands. */
  constructor(private readonly place: HTMLElement) {}

  /**
   * Show a picture.
   *
   * @param ratio device pixels of a CSS pixel.
   * @param first whether nothing is on the screen yet: such a canvas stays in the page's own memory,
   * which is slower for many images, but need not wait for the graphics process to begin. It goes with
   * the next picture, which may well be the first of many: a key may be held down already.
   */
  show(picture: Picture, ratio: number, first: boolean): void {
    if (this.isFirst && !first) this.forget();
    const canvas = (this.canvas ??= this.newCanvas(first));
    this.fill(canvas, picture);
    const { a, b, c, d, e, f } = invert(picture.toImage);
    canvas.style.transform = `matrix(${[a, b, c, d, e, f].map((part) => part / ratio).join()})`;
    canvas.style.imageRendering = picture.smooth ? "auto" : "pixelated";
    this.place.hidden = false;
  }

  hide(): void {
    this.place.hidden = true;
    if (this.isFirst) this.forget();
  }

  private newCanvas(first: boolean): HTMLCanvasElement {
    const canvas = document.createElement("canvas");
    canvas.getContext("2d", { alpha: false, willReadFrequently: first });
    // Empty, then: what it held went with the graphics process.
    canvas.addEventListener("contextrestored", () => {
      this.held = null;
    });
    this.isFirst = first;
    this.place.replaceChildren(canvas);
    return canvas;
  }

  private forget(): void {
    this.place.replaceChildren();
    this.canvas = this.held = null;
    this.isFirst = false;
  }

  private fill(canvas: HTMLCanvasElement, picture: Picture): void {
    const { frame, table, padding } = picture;
    const { held } = this;
    if (held?.frame === frame && held.table === table && held.padding === padding) return;
    const { columns, rows } = frame;
    if (canvas.width !== columns || canvas.height !== rows) {
      canvas.width = columns;
      canvas.height = rows;
    }
    const isFitting = this.image?.width === columns && this.image.height === rows;
    const image = isFitting && this.image ? this.image : new ImageData(columns, rows);
    writeImage(picture, image.data);
    canvas.getContext("2d")?.putImageData(image, 0, 0);
    this.image = image;
    this.held = { frame, table, padding };
  }
}
