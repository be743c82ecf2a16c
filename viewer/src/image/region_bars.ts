/** Scale bars of ultrasound images, whose regions have scales of their own (PS3.3 C.8.5.5). */

import type { Region } from "../api/model";
import { type Affine, apply, invert, type Size } from "./geometry";
import { type ScaleBar, scaleBar } from "./scale_bar";

/** A scale bar and where it stands: the middle of its lower edge, in device pixels of the canvas. */
export interface PlacedBar extends ScaleBar {
  readonly x: number;
  readonly y: number;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** In CSS pixels: room for a bar with its label, and how far it stays from edges and from what is written. */
const ROOM: Size = { width: 56, height: 22 };
const MARGIN = 10;
const CORNER: Size = { width: 190, height: 70 };

const LONGEST = 160;

function overlap(one: Box, other: Box): boolean {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

function contains(outer: Box, inner: Box): boolean {
  return (
    outer.left <= inner.left && outer.top <= inner.top && outer.right >= inner.right && outer.bottom >= inner.bottom
  );
}

function sameSpacing(one: Region, other: Region): boolean {
  return one.spacing?.[0] === other.spacing?.[0] && one.spacing?.[1] === other.spacing?.[1];
}

/** A region on the canvas; images are turned by right angles. */
function onCanvas({ left, top, right, bottom }: Region, toCanvas: Affine): Box {
  const one = apply(toCanvas, { x: left, y: top });
  const other = apply(toCanvas, { x: right, y: bottom });
  return {
    left: Math.min(one.x, other.x),
    top: Math.min(one.y, other.y),
    right: Math.max(one.x, other.x),
    bottom: Math.max(one.y, other.y),
  };
}

/** Millimetres a device pixel from left to right on the canvas. */
function millimetresAcross([height, width]: readonly [number, number], toCanvas: Affine): number {
  const { a, b } = invert(toCanvas);
  return Math.hypot(a * width, b * height);
}

/** Whether a region lies in one of the same scale, as a flow's colours do; of two alike, the first does not. */
function isPart(region: Region, index: number, regions: readonly Region[]): boolean {
  return regions.some(
    (other, i) =>
      i !== index && sameSpacing(region, other) && contains(other, region) && (i < index || !contains(region, other)),
  );
}

/** Where other regions, of other scales, may lie over a region on the canvas. */
function strangersOf(region: Region, regions: readonly Region[], toCanvas: Affine): Box[] {
  return regions
    .filter((other) => !sameSpacing(region, other) && (contains(region, other) || !contains(other, region)))
    .map((other) => onCanvas(other, toCanvas));
}

/**
 * The scale bars of an image whose regions have scales of their own: each stands where its scale holds,
 * at the foot of its region, else at its head, and nowhere where another region lies over it.
 *
 * @param ratio device pixels a CSS pixel.
 */
export function regionBars(
  regions: readonly Region[],
  toCanvas: Affine,
  canvas: Size,
  ratio: number,
): PlacedBar[] {
  return regions.flatMap((region, index) => {
    const { spacing } = region;
    if (!spacing || isPart(region, index, regions)) return [];
    const strangers = strangersOf(region, regions, toCanvas);
    const bar = barWithin(onCanvas(region, toCanvas), millimetresAcross(spacing, toCanvas), strangers, canvas, ratio);
    return bar ? [bar] : [];
  });
}

function barWithin(
  region: Box,
  millimetres: number,
  strangers: readonly Box[],
  canvas: Size,
  ratio: number,
): PlacedBar | null {
  const margin = MARGIN * ratio;
  const left = Math.max(region.left, 0) + margin;
  const right = Math.min(region.right, canvas.width) - margin;
  const x = (left + right) / 2;
  const bar = scaleBar(1, millimetres, Math.min((right - left) * 0.6, LONGEST * ratio));
  if (!bar || right - left < ROOM.width * ratio) return null;
  const half = Math.max(bar.pixels, ROOM.width * ratio) / 2;
  // Beside the middle are the texts in the corners.
  const inCorner = Math.min(x, canvas.width - x) - half < CORNER.width * ratio;
  const edge = inCorner ? CORNER.height * ratio : margin;
  const top = Math.max(region.top + margin, edge);
  const bottom = Math.min(region.bottom - margin, canvas.height - edge);
  const height = ROOM.height * ratio;
  const free = [bottom, top + height].find((y) => {
    const box = { left: x - half, top: y - height, right: x + half, bottom: y };
    return box.top >= top && y <= bottom && !strangers.some((stranger) => overlap(box, stranger));
  });
  return free === undefined ? null : { ...bar, x, y: free };
}
