/** A bar of round length that tells how large things are. */

import type { Spacing } from "../api/model";

export interface ScaleBar {
  /** Length on the canvas in device pixels. */
  readonly pixels: number;
  readonly label: string;
}

const MICROMETRE = 1e-3;

/** The largest of 1, 2 and 5 times a power of ten that is not above the value. */
export function roundDown(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const digits = value / power;
  return (digits >= 5 ? 5 : digits >= 2 ? 2 : 1) * power;
}

function lengthLabel(millimetres: number): string {
  if (millimetres >= 10) return `${millimetres / 10} cm`;
  if (millimetres >= 0.1) return `${Number(millimetres.toPrecision(1))} mm`;
  return `${Number((millimetres / MICROMETRE).toPrecision(1))} µm`;
}

/**
 * The scale bar that is at most `longest` device pixels long.
 *
 * @param scale device pixels a column. @param spacing millimetres a column.
 */
export function scaleBar(scale: number, spacing: number, longest: number): ScaleBar | null {
  const millimetresAPixel = spacing / scale;
  if (!(millimetresAPixel > 0) || !Number.isFinite(millimetresAPixel)) return null;
  const length = roundDown(longest * millimetresAPixel);
  return { pixels: length / millimetresAPixel, label: lengthLabel(length) };
}

/** What lengths of the object's own attributes are, where they are not lengths in the patient. */
const NOT_IN_THE_PATIENT: Readonly<Record<string, string>> = {
  "Imager Pixel Spacing": "at detector",
  "Imager Pixel Spacing / Estimated Radiographic Magnification Factor": "estimated",
  "Nominal Scanned Pixel Spacing": "on film",
  "Object Pixel Spacing in Center of Beam": "at beam centre",
  "Image Plane Pixel Spacing": "at image plane",
};

/** Words behind a length: for which plane it holds, unless it holds in the patient. */
export function lengthNote({ source, isReal }: Spacing): string {
  return isReal ? "" : (NOT_IN_THE_PATIENT[source] ?? "uncalibrated");
}
