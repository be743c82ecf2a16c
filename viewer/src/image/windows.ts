/** Which windows a reader may choose for an image, and what moving the mouse makes of one. */

import type { DisplayModel, ImageEntry, VoiTransform, Window } from "../api/model";
import { COLOUR_WINDOW, decodeTable, isColour, isTable, modalityValue } from "./display_table";

/** A window with the name it goes by in menus and in the corner of a viewport. */
export interface NamedVoi {
  readonly name: string;
  readonly voi: VoiTransform | Window;
}

/**
 * What the reader chose: one of the object's own transformations (by index, so that every image of
 * a series uses its own), the range of each image's pixels, or a fixed window.
 */
export type VoiChoice =
  | { readonly kind: "own"; readonly index: number }
  | { readonly kind: "range" }
  | { readonly kind: "fixed"; readonly name: string; readonly window: Window };

/** The usual windows of CT in Hounsfield units. */
const CT_PRESETS: readonly (readonly [name: string, width: number, level: number])[] = [
  ["Soft tissue", 400, 40],
  ["Lung", 1500, -600],
  ["Liver", 150, 90],
  ["Bone", 2500, 480],
  ["Brain", 80, 40],
  ["Mediastinum", 400, 80],
];

/** A number as short as it can be read. */
export function shortNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  const magnitude = Math.abs(value);
  if (magnitude >= 100) return value.toFixed(0);
  return String(Number(value.toPrecision(3)));
}

/** A window as readers name it: width and level. */
export function windowLabel({ center, width }: Window): string {
  return `W ${shortNumber(width)}  L ${shortNumber(center)}`;
}

function ownName(voi: VoiTransform, index: number): string {
  if (voi.explanation) return voi.explanation;
  if (isTable(voi)) return `Lookup table ${index + 1}`;
  return windowLabel(voi);
}

/** The VOI transformations that the object itself brings, in its own order. */
export function ownVois(model: DisplayModel, image: ImageEntry): readonly NamedVoi[] {
  if (isColour(model)) return [{ name: "As stored", voi: COLOUR_WINDOW }];
  const own = image.window ?? model.voi;
  if (own.length > 0) return own.map((voi, i) => ({ name: ownName(voi, i), voi }));
  return model.defaultWindow ? [{ name: "Default", voi: model.defaultWindow }] : [];
}

function isHounsfield(model: DisplayModel, modality: string): boolean {
  const units = model.modality.units ?? "";
  return modality === "CT" && (units === "HU" || units === "");
}

/** What the preset menu and the keys 1 to 9 offer, the object's own first. */
export function presets(
  model: DisplayModel,
  image: ImageEntry,
  modality: string,
): readonly { readonly name: string; readonly choice: VoiChoice }[] {
  const own = ownVois(model, image).map(({ name }, index) => ({
    name,
    choice: { kind: "own", index } as VoiChoice,
  }));
  if (isColour(model)) return own;
  const ct = isHounsfield(model, modality) ? CT_PRESETS : [];
  const fixed = ct.map(([name, width, center]) => ({
    name,
    choice: { kind: "fixed", name, window: { function: "LINEAR", center, width } } as VoiChoice,
  }));
  return [...own, ...fixed, { name: "Range of this image", choice: { kind: "range" } }];
}

/** The window from the smallest to the largest of an image's values. */
export function rangeWindow(model: DisplayModel, low: number, high: number): Window {
  const ends = [modalityValue(model.modality, low), modalityValue(model.modality, high)];
  const [first, last] = [Math.min(...ends), Math.max(...ends)];
  return { function: "LINEAR_EXACT", center: (first + last) / 2, width: Math.max(last - first, 1e-6) };
}

/**
 * The transformation that a choice means for one image.
 *
 * @param range finds the smallest and largest stored value of the image's pixels, if need be.
 */
export function resolveVoi(
  choice: VoiChoice,
  model: DisplayModel,
  image: ImageEntry,
  range: () => readonly [number, number],
): NamedVoi {
  if (choice.kind === "fixed") return { name: choice.name, voi: choice.window };
  if (choice.kind === "own") {
    const own = ownVois(model, image);
    const chosen = own[choice.index] ?? own[0];
    if (chosen) return chosen;
  }
  return { name: "Range", voi: rangeWindow(model, ...range()) };
}

/** A window that shows about what a VOI lookup table shows: where dragging starts from. */
export function windowOf(voi: VoiTransform | Window): Window {
  if (!isTable(voi)) return { function: voi.function, center: voi.center, width: voi.width };
  const { first, values } = decodeTable(voi);
  return { function: "LINEAR", center: first + values.length / 2, width: values.length };
}

/**
 * The window after the mouse has moved: to the right widens, down raises the level (darkens).
 *
 * A drag across 500 points changes width and level by about the width at its start, so narrow
 * windows move finely and wide ones quickly.
 */
export function draggedWindow(start: Window, dx: number, dy: number): Window {
  const step = Math.max(Math.abs(start.width), 1e-6) / 250;
  const whole = start.width >= 50;
  const tidy = (value: number) => (whole ? Math.round(value) : value);
  return {
    function: start.function,
    center: tidy(start.center + dy * step),
    width: Math.max(whole ? 1 : step / 10, tidy(start.width + dx * step)),
  };
}
