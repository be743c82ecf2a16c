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
import { imagePixels } from "./software";

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

/** What a canvas holds; it need not be made again to be moved. */
const held = new WeakMap<HTMLCanvasElement, Pick<Picture, "frame" | "table" | "padding">>();

function fill(canvas: HTMLCanvasElement, picture: Picture): void {
  const { frame, table, padding } = picture;
  const known = held.get(canvas);
  if (known?.frame === frame && known.table === table && known.padding === padding) return;
  const { columns, rows } = frame;
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
    canvas.style.width = `${columns}px`;
    canvas.style.height = `${rows}px`;
  }
  const pixels = new ImageData(imagePixels(picture), columns, rows);
  canvas.getContext("2d", { alpha: false })?.putImageData(pixels, 0, 0);
  held.set(canvas, { frame, table, padding });
}

/**
 * Put a picture on a canvas that becomes as large as the image, and lay that where it belongs.
 *
 * @param ratio device pixels of a CSS pixel.
 */
export function sketch(canvas: HTMLCanvasElement, picture: Picture, ratio: number): void {
  fill(canvas, picture);
  const { a, b, c, d, e, f } = invert(picture.toImage);
  canvas.style.transform = `matrix(${[a, b, c, d, e, f].map((part) => part / ratio).join()})`;
  canvas.style.imageRendering = picture.smooth ? "auto" : "pixelated";
}
