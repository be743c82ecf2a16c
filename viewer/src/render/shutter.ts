/** Display shutters (PS3.3 C.7.6.11) as pictures to lay over an image. */

import type { DisplayModel, Shutter } from "../api/model";
import type { Affine } from "../image/geometry";
import { drawLayer, layerOf } from "./layer";

const WHOLE = { x: 0, y: 0 };

/** RGBA pixels that cover what is hidden and nothing else. */
export function shutterPixels(shutter: Shutter, pixels: number): Uint8ClampedArray<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(shutter.runs), (letter) => letter.charCodeAt(0));
  const runs = new DataView(bytes.buffer);
  const covered = new Uint8ClampedArray(pixels * 4);
  const words = new Uint32Array(covered.buffer);
  const colour = new Uint32Array(new Uint8Array([...shutter.colour, 255]).buffer)[0] as number;
  let at = 0;
  for (let i = 0; i + 4 <= bytes.length; i += 4) {
    const end = at + runs.getUint32(i, true);
    if ((i / 4) % 2 === 0) words.fill(colour, at, end);
    at = end;
  }
  return covered;
}

const pictures = new WeakMap<Shutter, OffscreenCanvas>();

function picture(shutter: Shutter, { rows, columns }: DisplayModel): OffscreenCanvas {
  let layer = pictures.get(shutter);
  if (!layer) pictures.set(shutter, (layer = layerOf(shutterPixels(shutter, rows * columns), rows, columns)));
  return layer;
}

/** Cover what a model's shutter hides of its image. */
export function drawShutter(
  context: CanvasRenderingContext2D,
  model: DisplayModel,
  toCanvas: Affine,
): void {
  if (model.shutter) drawLayer(context, picture(model.shutter, model), WHOLE, toCanvas, false);
}
