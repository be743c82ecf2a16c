/**
 * Draws on the processor, with the same numbers as the shader: for browsers without WebGL2, for
 * images larger than a texture, and after a context was lost.
 */

import type { DisplayTable } from "../image/display_table";
import type { Frame } from "../image/frame";
import { type Picture, type Renderer, samplesPerSide } from "./picture";

/** Reads a value at image coordinates: sample(x, y, centre) for one channel. */
type Sample = (x: number, y: number, centre: number) => number;

function clamp(value: number, last: number): number {
  return value < 0 ? 0 : value > last ? last : value;
}

/** The stored value of a channel at a whole pixel, kept within the image. */
function texelReader(frame: Frame, channels: number, channel: number) {
  const { pixels, columns, rows } = frame;
  return (x: number, y: number) =>
    pixels[(clamp(y, rows - 1) * columns + clamp(x, columns - 1)) * channels + channel] as number;
}

type Texel = ReturnType<typeof texelReader>;

function paddingTest(padding: Picture["padding"]): (value: number) => boolean {
  // NaN stands for no value, as padding does.
  if (!padding) return Number.isNaN;
  const { low, high } = padding;
  return (value) => (value >= low && value <= high) || Number.isNaN(value);
}

function bilinear(texel: Texel, isPadding: (value: number) => boolean): Sample {
  return (x, y, centre) => {
    const column = Math.floor(x - 0.5);
    const row = Math.floor(y - 0.5);
    const fx = x - 0.5 - column;
    const fy = y - 0.5 - row;
    const at = (dx: number, dy: number) => {
      const value = texel(column + dx, row + dy);
      return isPadding(value) ? centre : value;
    };
    const above = at(0, 0) * (1 - fx) + at(1, 0) * fx;
    const below = at(0, 1) * (1 - fx) + at(1, 1) * fx;
    return above * (1 - fy) + below * fy;
  };
}

function average(texel: Texel, isPadding: (value: number) => boolean, picture: Picture): Sample {
  const { a, b, c, d } = picture.toImage;
  const side = samplesPerSide(picture.toImage, true);
  return (x, y, centre) => {
    let sum = 0;
    for (let j = 0; j < side; j++) {
      for (let i = 0; i < side; i++) {
        const u = (i + 0.5) / side - 0.5;
        const v = (j + 0.5) / side - 0.5;
        const value = texel(Math.floor(x + a * u + c * v), Math.floor(y + b * u + d * v));
        sum += isPadding(value) ? centre : value;
      }
    }
    return sum / (side * side);
  };
}

/** A channel of the table's entry for a value, between two entries where that shows. */
function tableReader(table: DisplayTable, channel: number, smooth: boolean) {
  const { values, entries, coloured, scale, offset, isCoarse } = table;
  const between = smooth && isCoarse;
  const stride = coloured ? 3 : 1;
  const first = coloured ? channel : 0;
  const entry = (index: number) => values[Math.min(index, entries - 1) * stride + first] as number;
  return (value: number): number => {
    const index = Math.min(Math.max(value * scale + offset, 0), entries - 1);
    if (!between) return entry(Math.floor(index + 0.5));
    const low = Math.floor(index);
    const part = index - low;
    return Math.round(entry(low) * (1 - part) + entry(low + 1) * part);
  };
}

/** One channel of a picture as a function of image coordinates, from 0 to 255. */
function channelShader(picture: Picture, channel: number) {
  const { frame, smooth, table } = picture;
  const isColour = frame.format === "rgb8";
  const isPadding = paddingTest(isColour ? null : picture.padding);
  const texel = texelReader(frame, isColour ? 3 : 1, isColour ? channel : 0);
  const shown = tableReader(table, channel, smooth && !isColour);
  const many = samplesPerSide(picture.toImage, smooth) > 1;
  const sample = many ? average(texel, isPadding, picture) : bilinear(texel, isPadding);
  return (x: number, y: number): number => {
    const centre = texel(Math.floor(x), Math.floor(y));
    if (isPadding(centre)) return 0;
    return shown(smooth ? sample(x, y, centre) : centre);
  };
}

/**
 * The picture as RGBA bytes of a canvas of this width and height; black outside the image.
 */
export function renderPixels(
  picture: Picture,
  width: number,
  height: number,
): Uint8ClampedArray<ArrayBuffer> {
  const { frame, toImage: m } = picture;
  const output = new Uint8ClampedArray(width * height * 4);
  const isGrey = frame.format !== "rgb8" && !picture.table.coloured;
  const red = channelShader(picture, 0);
  const green = isGrey ? null : channelShader(picture, 1);
  const blue = isGrey ? null : channelShader(picture, 2);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const u = m.a * (x + 0.5) + m.c * (y + 0.5) + m.e;
      const v = m.b * (x + 0.5) + m.d * (y + 0.5) + m.f;
      output[at + 3] = 255;
      if (u < 0 || v < 0 || u >= frame.columns || v >= frame.rows) continue;
      const first = red(u, v);
      output[at] = first;
      output[at + 1] = green ? green(u, v) : first;
      output[at + 2] = blue ? blue(u, v) : first;
    }
  }
  return output;
}

/** Alpha in the highest byte: every platform with a browser is little endian. */
const OPAQUE = 0xff000000;

function word(red: number, green: number, blue: number): number {
  return OPAQUE | (blue << 16) | (green << 8) | red;
}

/** What each stored value of a format of up to 16 bits looks like: made once a table, used for every image. */
const lookups = new WeakMap<DisplayTable, { padding: Picture["padding"]; words: Uint32Array }>();

function lookupOf({ table, padding }: Picture): Uint32Array {
  const known = lookups.get(table);
  if (known?.padding === padding) return known.words;
  const { values, entries, offset } = table;
  const [stride, second, third] = table.coloured ? [3, 1, 2] : [1, 0, 0];
  const words = new Uint32Array(entries);
  for (let i = 0, at = 0; i < entries; i++, at += stride) {
    words[i] = word(values[at] as number, values[at + second] as number, values[at + third] as number);
  }
  const entry = (stored: number) => Math.max(0, stored + offset);
  if (padding) words.fill(OPAQUE, entry(Math.ceil(padding.low)), entry(Math.floor(padding.high) + 1));
  lookups.set(table, { padding, words });
  return words;
}

function fillByLookup(words: Uint32Array, picture: Picture): void {
  const { pixels } = picture.frame;
  const { offset } = picture.table;
  const lookup = lookupOf(picture);
  for (let i = 0; i < words.length; i++) words[i] = lookup[(pixels[i] as number) + offset] as number;
}

/** Wider values, of which a table has entries for an interval. */
function fillByScale(words: Uint32Array, { frame, table, padding }: Picture): void {
  const { pixels } = frame;
  const { values, scale, offset } = table;
  const last = table.entries - 1;
  const low = padding?.low ?? Infinity;
  const high = padding?.high ?? -Infinity;
  for (let i = 0; i < words.length; i++) {
    const stored = pixels[i] as number;
    const isValue = !(stored >= low && stored <= high) && stored === stored; // not NaN
    const index = Math.min(Math.max(stored * scale + offset, 0), last);
    const grey = isValue ? (values[Math.floor(index + 0.5)] as number) : 0;
    words[i] = OPAQUE | (grey * 0x010101);
  }
}

function fillWithColour(words: Uint32Array, { frame, table }: Picture): void {
  const { pixels } = frame;
  const { values } = table;
  const shown = (at: number) => values[pixels[at] as number] as number;
  for (let i = 0, at = 0; i < words.length; i++, at += 3) {
    words[i] = word(shown(at), shown(at + 1), shown(at + 2));
  }
}

/**
 * Write an image as RGBA bytes, no pixel mixed with another: what is seen many times a second is short.
 *
 * @param output four bytes for each of the image's pixels.
 */
export function writeImage(picture: Picture, output: Uint8ClampedArray<ArrayBuffer>): void {
  const words = new Uint32Array(output.buffer, output.byteOffset, output.length / 4);
  const { format, pixels } = picture.frame;
  if (format === "rgb8") fillWithColour(words, picture);
  else if (pixels.BYTES_PER_ELEMENT <= 2) fillByLookup(words, picture);
  else fillByScale(words, picture);
}

export class SoftwareRenderer implements Renderer {
  readonly name = "canvas";
  private readonly surface = new OffscreenCanvas(1, 1);

  /** @param lost called when what was drawn may be gone: the graphics process ended, and has begun anew. */
  constructor(lost: () => void) {
    this.surface.addEventListener("contextrestored", lost);
  }

  draw(picture: Picture, width: number, height: number): ImageBitmap | null {
    const { surface } = this;
    surface.width = width;
    surface.height = height;
    const context = surface.getContext("2d", { alpha: false });
    context?.putImageData(new ImageData(renderPixels(picture, width, height), width, height), 0, 0);
    return context && surface.transferToImageBitmap();
  }
}
