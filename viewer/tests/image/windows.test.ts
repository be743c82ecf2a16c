import { describe, expect, test } from "vitest";
import type { DisplayModel, ImageEntry } from "../../src/api/model";
import { draggedWindow, presets, resolveVoi, shortNumber, windowOf } from "../../src/image/windows";

const model: DisplayModel = {
  rows: 4, columns: 4, format: "int16", bitsStored: 12, signed: true,
  modality: { type: "linear", slope: 2, intercept: -1000, units: "HU" },
  voi: [
    { type: "window", function: "LINEAR", center: 40, width: 350 },
    { type: "window", function: "LINEAR", center: -600, width: 1500, explanation: "LUNG" },
  ],
  presentation: { inverse: false }, padding: null, spacing: null, regions: [], orientation: null, axes: [],
  frameOfReference: null, overlays: [], lossy: null, frameTime: null, recommendedFrameRate: null,
};
const image: ImageEntry = {
  instance: "1.2", frame: 1, version: "a", model: 0, number: 1, position: null, sopClass: "", window: null,
};

describe("presets", () => {
  test("begin with the object's own windows under their own names", () => {
    const names = presets(model, image, "CT").map(({ name }) => name);
    expect(names.slice(0, 3)).toEqual(["W 350  L 40", "LUNG", "Soft tissue"]);
    expect(names).toHaveLength(9);
  });

  test("in Hounsfield units are offered for CT alone", () => {
    expect(presets(model, image, "MR").map(({ name }) => name)).not.toContain("Bone");
  });
});

describe("a chosen transformation", () => {
  test("by index is each image's own", () => {
    const own = { ...image, window: [{ type: "window" as const, function: "LINEAR" as const, center: 7, width: 9 }] };
    const choice = { kind: "own", index: 0 } as const;
    expect(resolveVoi(choice, model, image, () => [0, 1]).voi).toMatchObject({ center: 40 });
    expect(resolveVoi(choice, model, own, () => [0, 1]).voi).toMatchObject({ center: 7, width: 9 });
  });

  test("falls back to the range of the pixels when the object has none", () => {
    const bare = { ...model, voi: [] };
    const { voi } = resolveVoi({ kind: "own", index: 0 }, bare, image, () => [100, 300]);
    expect(voi).toEqual({ function: "LINEAR_EXACT", center: -600, width: 400 });
  });
});

describe("dragging", () => {
  test("to the right widens and down raises the level", () => {
    expect(draggedWindow({ function: "LINEAR", center: 40, width: 500 }, 10, 5)).toEqual({
      function: "LINEAR", center: 50, width: 520,
    });
  });

  test("never makes a wide window narrower than 1", () => {
    expect(draggedWindow({ function: "LINEAR", center: 40, width: 400 }, -9000, 0).width).toBe(1);
  });

  test("moves narrow windows by fractions", () => {
    const { center } = draggedWindow({ function: "LINEAR_EXACT", center: 0.5, width: 1 }, 0, 1);
    expect(center).toBeCloseTo(0.504, 9);
  });

  test("of a lookup table starts from the window that covers it", () => {
    const lut = { type: "lut" as const, first: -10, bits: 8, values: btoa("\0\0".repeat(100)) };
    expect(windowOf(lut)).toEqual({ function: "LINEAR", center: 40, width: 100 });
  });
});

test("numbers are written as short as they can be read", () => {
  expect([40, 0.00123456, 1234.56, 12.345].map(shortNumber)).toEqual(["40", "0.00123", "1235", "12.3"]);
});
