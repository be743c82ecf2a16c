/** Pictures that lie over an image: overlay planes, shutters. */

import type { Affine, Point } from "../image/geometry";

/**
 * A picture of RGBA pixels, in the page's own memory: whatever the browser keeps with its graphics
 * process goes with it.
 */
export function layerOf(
  pixels: Uint8ClampedArray<ArrayBuffer>,
  rows: number,
  columns: number,
): OffscreenCanvas {
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context?.putImageData(new ImageData(pixels, columns, rows), 0, 0);
  return canvas;
}

/**
 * Draw a layer where it belongs over the image.
 *
 * @param corner where its first pixel lies, in image coordinates.
 */
export function drawLayer(
  context: CanvasRenderingContext2D,
  layer: OffscreenCanvas,
  corner: Point,
  { a, b, c, d, e, f }: Affine,
  smooth: boolean,
): void {
  context.setTransform(a, b, c, d, e, f);
  context.imageSmoothingEnabled = smooth;
  context.drawImage(layer, corner.x, corner.y);
  context.resetTransform();
}
