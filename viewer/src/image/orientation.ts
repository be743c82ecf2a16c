/** The letters at a viewport's edges: which way the patient lies (PS3.3 C.7.6.1.1.1). */

import type { Axes, EdgeLetters } from "../api/model";
import type { Affine } from "./geometry";

type Vector = readonly [number, number, number];

/** Directions that contribute less than this cosine (about 17 degrees off the plane) stay unsaid. */
const LEAST_COSINE = 0.3;

/** Letters of a direction in the patient, the strongest first; none where not all of them are known. */
export function directionLetters(direction: Vector, axes: Axes): string {
  const letters = direction
    .map((cosine, axis) => ({ size: Math.abs(cosine), letter: axes[axis]?.[cosine > 0 ? 0 : 1] }))
    .filter(({ size }) => size > LEAST_COSINE)
    .sort((one, other) => other.size - one.size)
    .map(({ letter }) => letter);
  return letters.includes(undefined) ? "" : letters.join("");
}

function along(row: Vector, column: Vector, x: number, y: number): Vector {
  const length = Math.hypot(x, y) || 1;
  return [0, 1, 2].map((i) => ((row[i] ?? 0) * x + (column[i] ?? 0) * y) / length) as unknown as Vector;
}

/** Letters at the four edges of the canvas: what `letters` says of the directions to them. */
function atEdges(letters: (dx: number, dy: number) => string): EdgeLetters {
  return { left: letters(-1, 0), right: letters(1, 0), top: letters(0, -1), bottom: letters(0, 1) };
}

/**
 * Letters at the four edges of the canvas, of an image with a plane.
 *
 * @param orientation Image Orientation (Patient): direction cosines of the rows, then the columns.
 * @param axes what its axes are called in this patient.
 * @param toImage from canvas to image coordinates, pixels being `pixelHeight` widths high.
 */
export function edgeLetters(
  orientation: readonly number[],
  axes: Axes,
  toImage: Affine,
  pixelHeight: number,
): EdgeLetters | null {
  if (orientation.length !== 6 || orientation.every((cosine) => cosine === 0)) return null;
  const row = orientation.slice(0, 3) as unknown as Vector;
  const column = orientation.slice(3) as unknown as Vector;
  return atEdges((dx, dy) =>
    directionLetters(
      along(row, column, toImage.a * dx + toImage.c * dy, (toImage.b * dx + toImage.d * dy) * pixelHeight),
      axes,
    ),
  );
}

/**
 * Letters at the four edges of the canvas, of an image that only says what lies at its own edges.
 *
 * @param stored letters at the edges of the image as it is stored.
 * @param toImage from canvas to image coordinates; images are turned by right angles.
 */
export function viewedLetters(stored: EdgeLetters, toImage: Affine): EdgeLetters {
  return atEdges((dx, dy) => {
    const x = toImage.a * dx + toImage.c * dy;
    const y = toImage.b * dx + toImage.d * dy;
    if (Math.abs(x) > Math.abs(y)) return x > 0 ? stored.right : stored.left;
    return y > 0 ? stored.bottom : stored.top;
  });
}

/** Slice position along the normal of the image plane in mm, or null without a plane. */
export function sliceLocation(
  orientation: readonly number[] | null,
  position: readonly number[] | null,
): number | null {
  if (orientation?.length !== 6 || position?.length !== 3) return null;
  const [rx, ry, rz, cx, cy, cz] = orientation as [number, number, number, number, number, number];
  const [x, y, z] = position as [number, number, number];
  return x * (ry * cz - rz * cy) + y * (rz * cx - rx * cz) + z * (rx * cy - ry * cx);
}
