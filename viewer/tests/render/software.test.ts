import { expect, test } from "vitest";
import { displayTable } from "../../src/image/display_table";
import { frameFromBytes } from "../../src/image/frame";
import { imageToCanvas, invert, RESET_VIEW, rotated, type View } from "../../src/image/geometry";
import type { Picture } from "../../src/render/picture";
import { imagePixels, renderPixels } from "../../src/render/software";

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

test("an image's own pixels are those of a canvas of its size", () => {
  const values = [0, 10, 128, 255, 7, 8];
  const unchanged = { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 };
  const drawn: Picture = {
    key: "", table: IDENTITY, padding: { low: 7, high: 8 }, smooth: false, toImage: unchanged,
    frame: frameFromBytes(new Uint8Array(values).buffer, 2, 3, "uint8"),
  };
  expect([...imagePixels(drawn)]).toEqual([...renderPixels(drawn, 3, 2)]);
});
