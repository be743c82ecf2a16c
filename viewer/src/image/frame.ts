/** A frame's pixels, in the array type that its format asks for. */

import type { PixelFormat } from "../api/model";

export type PixelArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Float32Array;

export interface Frame {
  readonly rows: number;
  readonly columns: number;
  readonly format: PixelFormat;
  /** Stored values row by row; 32-bit integers and doubles as single-precision numbers. */
  readonly pixels: PixelArray;
}

const BYTES: Record<PixelFormat, number> = {
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  float32: 4,
  float64: 8,
  rgb8: 3,
};

/** Bytes that one frame takes as it is sent. */
export function frameBytes(rows: number, columns: number, format: PixelFormat): number {
  return rows * columns * BYTES[format];
}

/** Whether a frame of this format may be asked for as HTJ2K. */
export function fitsHtj2k(format: PixelFormat): boolean {
  return BYTES[format] <= 3;
}

function typedPixels(bytes: ArrayBuffer, format: PixelFormat): PixelArray {
  switch (format) {
    case "int8":
      return new Int8Array(bytes);
    case "uint8":
    case "rgb8":
      return new Uint8Array(bytes);
    case "int16":
      return new Int16Array(bytes);
    case "uint16":
      return new Uint16Array(bytes);
    case "int32":
      return Float32Array.from(new Int32Array(bytes));
    case "uint32":
      return Float32Array.from(new Uint32Array(bytes));
    case "float32":
      return new Float32Array(bytes);
    case "float64":
      return Float32Array.from(new Float64Array(bytes));
  }
}

/**
 * A frame from the bytes of the API's raw encoding.
 *
 * @throws RangeError where the bytes are not as many as rows, columns and format ask for.
 */
export function frameFromBytes(
  bytes: ArrayBuffer,
  rows: number,
  columns: number,
  format: PixelFormat,
): Frame {
  const expected = frameBytes(rows, columns, format);
  if (bytes.byteLength !== expected) {
    throw new RangeError(
      `The frame has ${bytes.byteLength} bytes; ${rows} rows of ${columns} ${format} pixels have ${expected}`,
    );
  }
  return { rows, columns, format, pixels: typedPixels(bytes, format) };
}

const ranges = new WeakMap<Frame, readonly [number, number]>();

/** The smallest and largest stored value that is no padding; scanned once a frame. */
export function valueRange(
  frame: Frame,
  padding: { readonly low: number; readonly high: number } | null,
): readonly [number, number] {
  let range = ranges.get(frame);
  if (!range) {
    let low = Infinity;
    let high = -Infinity;
    const { pixels } = frame;
    for (let i = 0; i < pixels.length; i++) {
      const value = pixels[i] as number;
      if (padding && value >= padding.low && value <= padding.high) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    range = low <= high ? [low, high] : [0, 0];
    ranges.set(frame, range);
  }
  return range;
}
