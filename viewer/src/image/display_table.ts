/**
 * From stored values to grey: the transformations of PS3.3 C.11 folded into one table.
 *
 * Formats of up to 16 bits get an entry for every stored value, computed in double precision, so
 * what is drawn does not depend on the precision of a graphics card. Wider formats get a table
 * over the interval that the VOI transformation spreads, and a line that maps a value to its entry.
 */

import type {
  DisplayModel,
  LookupTable,
  ModalityTransform,
  PixelFormat,
  Presentation,
  VoiTransform,
  Window,
  WindowFunction,
} from "../api/model";

/** Entry `stored * scale + offset`, rounded and kept in range, holds the grey from 0 to 255. */
export interface DisplayTable {
  /** One byte an entry, or red, green and blue of each entry where `coloured`. */
  readonly values: Uint8Array;
  readonly coloured: boolean;
  readonly entries: number;
  readonly scale: number;
  readonly offset: number;
  /** Whether neighbouring entries differ by more than a grey, so that values between them show. */
  readonly isCoarse: boolean;
}

/** What the table is made from; `inverted` is the reader's wish on top of the object's own. */
export interface DisplaySettings {
  readonly modality: ModalityTransform;
  readonly voi: VoiTransform | Window;
  readonly presentation: Presentation;
  readonly inverted: boolean;
  readonly palette?: DisplayModel["supplementalPalette"];
}

/** A decoded lookup table; inputs below `first` take the first entry, above the end the last. */
export interface Table {
  readonly first: number;
  readonly values: Uint16Array;
  readonly maximum: number;
}

/** Entries of a table over an interval: 256 for each of the 256 greys. */
const SAMPLES = 65536;

const LEAST_WIDTH = 1e-9;

const STORED_RANGES: Partial<Record<PixelFormat, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  rgb8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
};

const decoded = new WeakMap<object, Table>();

/** The table of a lookup table in the API's form, decoded once. */
export function decodeTable(lut: Pick<LookupTable, "bits" | "values"> & { first?: number }): Table {
  let table = decoded.get(lut);
  if (!table) {
    const bytes = Uint8Array.from(atob(lut.values), (letter) => letter.charCodeAt(0));
    const values = new Uint16Array(bytes.length >> 1);
    for (let i = 0; i < values.length; i++) {
      values[i] = (bytes[2 * i] ?? 0) | ((bytes[2 * i + 1] ?? 0) << 8);
    }
    table = { first: lut.first ?? 0, values, maximum: 2 ** lut.bits - 1 };
    decoded.set(lut, table);
  }
  return table;
}

function lookUp(table: Table, input: number): number {
  const index = Math.round(input) - table.first;
  return table.values[Math.min(Math.max(index, 0), table.values.length - 1)] ?? 0;
}

/** The modality transformation as a function of a stored value (PS3.3 C.11.1). */
function modalityFunction(modality: ModalityTransform): (stored: number) => number {
  if (modality.type === "linear") return (stored) => stored * modality.slope + modality.intercept;
  const table = decodeTable(modality);
  return (stored) => lookUp(table, stored);
}

/** The modality transformation of one stored value. */
export function modalityValue(modality: ModalityTransform, stored: number): number {
  return modalityFunction(modality)(stored);
}

/** LINEAR (PS3.3 C.11.2.1.2.1), from 0 to 1. */
export function linear(x: number, center: number, width: number): number {
  const middle = center - 0.5;
  const half = (width - 1) / 2;
  if (x <= middle - half) return 0;
  if (x > middle + half) return 1;
  return (x - middle) / (width - 1) + 0.5;
}

/** LINEAR_EXACT (PS3.3 C.11.2.1.3.2), from 0 to 1. */
export function linearExact(x: number, center: number, width: number): number {
  if (x <= center - width / 2) return 0;
  if (x > center + width / 2) return 1;
  return (x - center) / width + 0.5;
}

/** SIGMOID (PS3.3 C.11.2.1.3.1), from 0 to 1. */
export function sigmoid(x: number, center: number, width: number): number {
  return 1 / (1 + Math.exp((-4 * (x - center)) / width));
}

const WINDOW_FUNCTIONS: Record<
  WindowFunction,
  (x: number, center: number, width: number) => number
> = { LINEAR: linear, LINEAR_EXACT: linearExact, SIGMOID: sigmoid };

/**
 * The function by which a window is applied. LINEAR is not defined below a width of 1, which
 * floating-point objects have nevertheless; they mean LINEAR_EXACT.
 */
function functionOf(window: Window): WindowFunction {
  return window.function === "LINEAR" && window.width < 1 ? "LINEAR_EXACT" : window.function;
}

/** Whether a VOI transformation is a lookup table. */
export function isTable(voi: VoiTransform | Window): voi is LookupTable {
  return "type" in voi && voi.type === "lut";
}

/** The VOI transformation as a function of a modality value, from 0 to 1. */
export function voiFunction(voi: VoiTransform | Window): (x: number) => number {
  if (isTable(voi)) {
    const table = decodeTable(voi);
    return (x) => lookUp(table, x) / table.maximum;
  }
  const compute = WINDOW_FUNCTIONS[functionOf(voi)];
  const width = Math.max(voi.width, LEAST_WIDTH);
  return (x) => compute(x, voi.center, width);
}

/** Presentation (PS3.3 C.11.6) and the reader's inversion of a value from 0 to 1, as a grey. */
export function presentationFunction(
  presentation: Presentation,
  inverted: boolean,
): (y: number) => number {
  const lut = presentation.lut ? decodeTable(presentation.lut) : null;
  const flip = Boolean(presentation.inverse) !== inverted;
  return (y) => {
    const p = lut ? lookUp({ ...lut, first: 0 }, y * (lut.values.length - 1)) / lut.maximum : y;
    return Math.floor((flip ? 1 - p : p) * 255 + 0.5);
  };
}

/** The modality values between which a VOI transformation changes anything. */
export function voiInterval(voi: VoiTransform | Window): readonly [number, number] {
  if (isTable(voi)) {
    const table = decodeTable(voi);
    return [table.first, table.first + table.values.length - 1];
  }
  const name = functionOf(voi);
  if (name === "LINEAR") {
    const half = Math.max((voi.width - 1) / 2, 1e-6);
    return [voi.center - 0.5 - half, voi.center - 0.5 + half];
  }
  // Three widths from its centre a sigmoid is within 1e-5 of its limit.
  const half = Math.max(voi.width, LEAST_WIDTH) * (name === "SIGMOID" ? 3 : 0.5);
  return [voi.center - half, voi.center + half];
}

/** A table of greys; beyond `last`, and before `first`, all entries are the same. */
function greyTable(
  values: Uint8Array,
  scale: number,
  offset: number,
  first = 0,
  last = values.length - 1,
): DisplayTable {
  let isCoarse = false;
  const end = Math.min(last + 1, values.length - 1);
  for (let i = Math.max(first, 1); i <= end && !isCoarse; i++) {
    isCoarse = Math.abs((values[i] as number) - (values[i - 1] as number)) > 1;
  }
  return { values, coloured: false, entries: values.length, scale, offset, isCoarse };
}

/** Put the supplemental palette's colours in place of the greys from its first value on. */
function withPalette(
  grey: DisplayTable,
  palette: NonNullable<DisplaySettings["palette"]>,
): DisplayTable {
  const colours = Uint8Array.from(atob(palette.colours), (letter) => letter.charCodeAt(0));
  const values = new Uint8Array(grey.entries * 3);
  for (let i = 0; i < grey.entries; i++) values.fill(grey.values[i] ?? 0, i * 3, i * 3 + 3);
  const start = Math.max(0, palette.first + grey.offset);
  const last = colours.length - 3;
  for (let i = start; i < grey.entries; i++) {
    const at = Math.min((i - grey.offset - palette.first) * 3, last);
    values.set(colours.subarray(at, at + 3), i * 3);
  }
  return { ...grey, values, coloured: true, isCoarse: false };
}

/**
 * The stored values that a VOI transformation spreads over the greys: all below are shown as the
 * least one is, all above as the greatest. Some 65,000 values are not worth a calculation each.
 */
function spreadValues(
  { modality, voi }: DisplaySettings,
  [lowest, highest]: readonly [number, number],
): readonly [number, number] {
  const everything = [lowest, highest] as const;
  if (modality.type !== "linear") return everything;
  if (!isTable(voi) && functionOf(voi) === "SIGMOID") return everything; // never quite constant
  const ends = voiInterval(voi).map((end) => (end - modality.intercept) / modality.slope);
  if (!ends.every(Number.isFinite)) return everything;
  const within = (value: number) => Math.min(Math.max(value, lowest), highest);
  return [within(Math.floor(Math.min(...ends)) - 1), within(Math.ceil(Math.max(...ends)) + 1)];
}

function tableOfEveryValue(format: PixelFormat, settings: DisplaySettings): DisplayTable {
  const range = STORED_RANGES[format] ?? [0, 0];
  const [lowest, highest] = range;
  const modality = modalityFunction(settings.modality);
  const voi = voiFunction(settings.voi);
  const present = presentationFunction(settings.presentation, settings.inverted);
  const grey = (stored: number) => present(voi(modality(stored)));
  const [least, greatest] = spreadValues(settings, range);
  const values = new Uint8Array(highest - lowest + 1);
  values.fill(grey(lowest), 0, least - lowest);
  for (let stored = least; stored <= greatest; stored++) values[stored - lowest] = grey(stored);
  values.fill(grey(highest), greatest + 1 - lowest);
  const table = greyTable(values, 1, -lowest, least - lowest, greatest - lowest);
  return settings.palette ? withPalette(table, settings.palette) : table;
}

function tableOfAnInterval(settings: DisplaySettings): DisplayTable {
  const { modality } = settings;
  const voi = voiFunction(settings.voi);
  const present = presentationFunction(settings.presentation, settings.inverted);
  if (modality.type === "lut") {
    const { values, first } = decodeTable(modality);
    return greyTable(Uint8Array.from(values, (value) => present(voi(value))), 1, -first);
  }
  const [low, high] = voiInterval(settings.voi);
  const count = isTable(settings.voi) ? high - low + 1 : SAMPLES;
  const step = count > 1 ? (high - low) / (count - 1) : 1;
  const values = Uint8Array.from({ length: count }, (_, i) => {
    // The last entry stands for everything above the window, where LINEAR and LINEAR_EXACT reach 1.
    return present(voi(i === count - 1 ? high + step : low + i * step));
  });
  return greyTable(values, modality.slope / step, (modality.intercept - low) / step);
}

/**
 * The table that turns stored values into grey (PS3.3 C.11.1 modality, C.11.2 VOI, C.11.6
 * presentation, in this order).
 *
 * Colour is no subject of VOI transformations; each of its channels goes through the same window,
 * which is the identity until the reader changes it.
 */
export function displayTable(format: PixelFormat, settings: DisplaySettings): DisplayTable {
  return STORED_RANGES[format] ? tableOfEveryValue(format, settings) : tableOfAnInterval(settings);
}

/** The window under which 8-bit colour is shown as it is. */
export const COLOUR_WINDOW: Window = { function: "LINEAR", center: 128, width: 256 };

/** Whether a model's pixels are colour. */
export function isColour(model: DisplayModel): boolean {
  return model.format === "rgb8";
}
