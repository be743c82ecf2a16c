import { expect, test } from "vitest";
import { displayTable } from "../../src/image/display_table";
import { frameFromBytes } from "../../src/image/frame";
import { imageToCanvas, invert, RESET_VIEW, rotated, type View } from "../../src/image/geometry";
import type { Picture } from "../../src/render/picture";
import { renderPixels, writeImage } from "../../src/render/software";

const IDENTITY = displayTable("uint8", {
  modality: { type: "linear", slope: 1, intercept: 0 },
  voi: { function: "LINEAR", center: 128, width: 256 },
  presentation: { inverse: false },
  inverted: false,
});

function picture(values: number[], columns: number, side: number, more: Partial<Picture> = {}, view: View = RESET_VIEW) {
  const rows = values.length / columns;
  const shape = { columns, rows, pixelHeight: 1 };
  const drawn: Picture = {
    key: "", table: IDENTITY, padding: null, smooth: false,
    frame: frameFromBytes(new Uint8Array(values).buffer, rows, columns, "uint8"),
    toImage: invert(imageToCanvas(view, shape, { width: side, height: side })),
    ...more,
  };
  const rgba = renderPixels(drawn, side, side);
  return Array.from({ length: side * side }, (_, i) => rgba[i * 4]);
}

test("magnified without interpolation every pixel becomes a square", () => {
  expect(picture([10, 20, 30, 40], 2, 4)).toEqual([10, 10, 20, 20, 10, 10, 20, 20, 30, 30, 40, 40, 30, 30, 40, 40]);
});

test("a quarter turn to the right turns the rows to columns", () => {
  expect(picture([1, 2, 3, 4], 2, 2, {}, rotated(RESET_VIEW, 90))).toEqual([3, 1, 4, 2]);
});

test("with interpolation values between pixels lie between theirs", () => {
  const row = picture([0, 200, 0, 200], 2, 4, { smooth: true }).slice(0, 4);
  expect(row).toEqual([0, 50, 150, 200]);
});

test("a shrunken image shows the mean of what a pixel covers", () => {
  expect(picture([0, 100, 100, 200], 2, 1, { smooth: true })).toEqual([100]);
});

test("padding is black and does not bleed into its neighbours", () => {
  const row = picture([250, 100, 250, 100], 2, 4, { smooth: true, padding: { low: 250, high: 255 } }).slice(0, 4);
  expect(row).toEqual([0, 0, 100, 100]);
});

test("outside the image the canvas is black", () => {
  const shape = { columns: 2, rows: 1, pixelHeight: 1 };
  const toImage = invert(imageToCanvas(RESET_VIEW, shape, { width: 4, height: 4 }));
  const rgba = renderPixels(
    { key: "", table: IDENTITY, padding: null, smooth: false, toImage, frame: frameFromBytes(new Uint8Array([9, 9]).buffer, 1, 2, "uint8") },
    4, 4,
  );
  expect([...rgba.slice(0, 4)]).toEqual([0, 0, 0, 255]);
  expect(rgba[4 * 4]).toBe(9);
});

const UNCHANGED = { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 };
const SETTINGS = {
  modality: { type: "linear", slope: 1, intercept: 0 },
  voi: { function: "LINEAR", center: 128, width: 256 },
  presentation: { inverse: false },
  inverted: false,
} as const;
const PALETTE = { first: 3, colours: btoa(String.fromCharCode(255, 0, 10, 20, 200, 30)) };

test.each([
  ["uint8", Uint8Array.of(0, 10, 128, 255, 7, 8), {}],
  ["int8", Int8Array.of(-128, -7, 0, 127, 7, 8), {}],
  ["int16", Int16Array.of(-32768, -1, 0, 32767, 7, 200), {}],
  ["uint16", Uint16Array.of(0, 65535, 128, 255, 7, 8), {}],
  ["uint16", Uint16Array.of(0, 3, 4, 5, 7, 65535), { palette: PALETTE }],
  ["float32", Float32Array.of(-1e9, Number.NaN, 128.4, 1e9, 7, 8), {}],
  ["rgb8", Uint8Array.from({ length: 18 }, (_, i) => i * 14), {}],
] as const)("an image's own pixels, of %s, are those of a canvas of its size", (format, pixels, more) => {
  for (const padding of [null, { low: 7, high: 8 }, { low: -1e6, high: -1e5 }, { low: 200, high: 1e6 }]) {
    const frame = { rows: 3, columns: 2, format, pixels };
    const table = displayTable(format, { ...SETTINGS, ...more });
    const drawn: Picture = { key: "", table, padding, smooth: false, toImage: UNCHANGED, frame };
    const output = new Uint8ClampedArray(24);
    writeImage(drawn, output);
    expect([...output]).toEqual([...renderPixels(drawn, 2, 3)]);
    writeImage({ ...drawn, padding: null }, output);
    expect([...output]).toEqual([...renderPixels({ ...drawn, padding: null }, 2, 3)]);
  }
});
