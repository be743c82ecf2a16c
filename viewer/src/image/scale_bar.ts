/** A bar of round length that tells how large things are. */

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
