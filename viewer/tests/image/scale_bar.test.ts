import { expect, test } from "vitest";
import { lengthNote, roundDown, scaleBar } from "../../src/image/scale_bar";

test("lengths are 1, 2 or 5 times a power of ten", () => {
  expect([0.9, 1, 3.9, 49, 50, 199].map(roundDown)).toEqual([0.5, 1, 2, 20, 50, 100]);
});

test("a bar is as long on the canvas as its label says", () => {
  expect(scaleBar(2, 0.5, 160)).toEqual({ pixels: 80, label: "2 cm" });
  expect(scaleBar(10, 0.001, 200)?.label).toBe("20 µm");
  expect(scaleBar(1, 0.05, 160)?.label).toBe("5 mm");
});

test("without a spacing there is no bar", () => {
  expect(scaleBar(1, 0, 160)).toBeNull();
  expect(scaleBar(0, 1, 160)).toBeNull();
});

test("a length says for which plane it holds, unless it holds in the patient", () => {
  const note = (source: string, isReal = false) => lengthNote({ row: 1, column: 1, source, isReal });
  expect(note("Imager Pixel Spacing")).toBe("at detector");
  expect(note("Imager Pixel Spacing / Estimated Radiographic Magnification Factor")).toBe("estimated");
  expect(note("Nominal Scanned Pixel Spacing")).toBe("on film");
  expect(note("Pixel Spacing")).toBe("uncalibrated");
  expect(note("Pixel Spacing", true)).toBe("");
});
