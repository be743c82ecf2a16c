/** What a renderer is asked to draw. */

import type { DisplayTable } from "../image/display_table";
import type { Frame } from "../image/frame";
import type { Affine } from "../image/geometry";

export interface Picture {
  /** Names the frame, so that a renderer may keep what it made of it. */
  readonly key: string;
  readonly frame: Frame;
  readonly table: DisplayTable;
  /** Stored values from low to high are shown black (PS3.3 C.7.5.1.1.2). */
  readonly padding: { readonly low: number; readonly high: number } | null;
  /** From canvas to image coordinates. */
  readonly toImage: Affine;
  /** Whether to interpolate between pixels. */
  readonly smooth: boolean;
}

/** Draws pictures of any size, one after the other. */
export interface Renderer {
  readonly name: "webgl2" | "canvas";
  /** @returns null where this renderer cannot draw the picture (too large for a texture). */
  draw(picture: Picture, width: number, height: number): ImageBitmap | null;
}

/**
 * Texels averaged along one side of a device pixel: 1 while magnifying, more when an image is
 * shrunk, so that fine structure fades instead of flickering.
 */
export function samplesPerSide(toImage: Affine, smooth: boolean): number {
  if (!smooth) return 1;
  const across = Math.hypot(toImage.a, toImage.b);
  const down = Math.hypot(toImage.c, toImage.d);
  return Math.min(4, Math.max(1, Math.ceil(Math.max(across, down) - 0.25)));
}
