/** Overlay planes (PS3.3 C.9.2) as coloured pictures to lay over an image. */

import type { OverlayPlane } from "../api/model";
import { request } from "../api/client";
import type { Affine, Point } from "../image/geometry";
import { drawLayer, layerOf } from "./layer";

/** The colour of set overlay bits: light amber, told apart from any grey. */
const COLOUR = [255, 214, 102, 230] as const;

/** RGBA pixels of a plane's bits, one byte a bit. */
export function overlayPixels(bits: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(bits.length * 4);
  for (let i = 0; i < bits.length; i++) {
    if (bits[i]) pixels.set(COLOUR, i * 4);
  }
  return pixels;
}

/** Where a plane's first pixel lies in the image, in image coordinates. */
export function overlayCorner(plane: OverlayPlane): Point {
  return { x: plane.origin[1] - 1, y: plane.origin[0] - 1 };
}

const KEPT = 64;

/** Where one frame's bits of a plane are. */
export function overlayUrl(plane: OverlayPlane, frame: number): string {
  return `${plane.url}${plane.url.includes("?") ? "&" : "?"}frame=${frame}`;
}

async function loadPicture(plane: OverlayPlane, url: string): Promise<OffscreenCanvas> {
  const bits = new Uint8Array(await (await request(url)).arrayBuffer());
  return layerOf(overlayPixels(bits), plane.rows, plane.columns);
}

/** Pictures of overlay planes, fetched when first asked for. */
export class OverlayStore {
  /** Null while a picture is on its way, or when it could not be had. */
  private readonly pictures = new Map<string, OffscreenCanvas | null>();

  /** @param arrived called when a picture that was missing has come. */
  constructor(private readonly arrived: () => void) {}

  /** A plane's picture for a frame (counted from 1), if it is here already. */
  get(plane: OverlayPlane, frame: number): OffscreenCanvas | null {
    const url = overlayUrl(plane, frame);
    const known = this.pictures.get(url);
    if (known === undefined) this.load(plane, url);
    return known ?? null;
  }

  private load(plane: OverlayPlane, url: string): void {
    this.pictures.set(url, null);
    const oldest = this.pictures.keys().next().value;
    if (this.pictures.size > KEPT && oldest !== undefined) this.pictures.delete(oldest);
    loadPicture(plane, url).then(
      (picture) => {
        this.pictures.set(url, picture);
        this.arrived();
      },
      () => {
        // An overlay that cannot be had leaves the image as it is.
      },
    );
  }
}

/** Draw a plane's picture where it belongs over the image. */
export function drawOverlay(
  context: CanvasRenderingContext2D,
  picture: OffscreenCanvas,
  plane: OverlayPlane,
  toCanvas: Affine,
  smooth: boolean,
): void {
  drawLayer(context, picture, overlayCorner(plane), toCanvas, smooth);
}
