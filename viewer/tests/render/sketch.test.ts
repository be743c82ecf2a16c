import { expect, test } from "vitest";
import { displayTable } from "../../src/image/display_table";
import type { Picture } from "../../src/render/picture";
import { canSketch } from "../../src/render/sketch";

const TABLE = displayTable("uint8", {
  modality: { type: "linear", slope: 1, intercept: 0 },
  voi: { function: "LINEAR", center: 128, width: 256 },
  presentation: { inverse: false },
  inverted: false,
});

function picture(columns: number, rows: number, shrunk: number): Picture {
  const pixels = new Uint8Array(columns * rows);
  return {
    key: "", table: TABLE, padding: null, smooth: true,
    frame: { rows, columns, format: "uint8", pixels },
    toImage: { a: shrunk, b: 0, c: 0, d: shrunk, e: 0, f: 0 },
  };
}

test("what is magnified or hardly shrunk is sketched", () => {
  expect(canSketch(picture(512, 512, 0.6))).toBe(true);
  expect(canSketch(picture(512, 512, 1.8))).toBe(true);
});

test("of what is shrunk further the browser would leave out pixels", () => {
  expect(canSketch(picture(512, 512, 2.5))).toBe(false);
});

test("large images take too long to sketch", () => {
  expect(canSketch(picture(4000, 3000, 1.5))).toBe(false);
});
