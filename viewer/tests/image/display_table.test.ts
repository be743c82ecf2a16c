import { describe, expect, test } from "vitest";
import type { DisplayModel, LookupTable, Window } from "../../src/api/model";
import { displayTable, linear, linearExact, modalityValue, sigmoid } from "../../src/image/display_table";

const IDENTITY: DisplayModel["modality"] = { type: "linear", slope: 1, intercept: 0 };

function words(...values: number[]): string {
  return btoa(values.map((v) => String.fromCharCode(v & 255, v >> 8)).join(""));
}

function lut(first: number, bits: number, ...values: number[]): LookupTable {
  return { type: "lut", first, bits, values: words(...values) };
}

function window(name: Window["function"], center: number, width: number): Window {
  return { function: name, center, width };
}

function greys(format: DisplayModel["format"], settings: Partial<Parameters<typeof displayTable>[1]>) {
  const table = displayTable(format, {
    modality: IDENTITY,
    voi: window("LINEAR", 128, 256),
    presentation: { inverse: false },
    inverted: false,
    ...settings,
  });
  return (stored: number) => {
    const index = Math.min(Math.max(stored * table.scale + table.offset, 0), table.entries - 1);
    return table.values[Math.floor(index + 0.5)];
  };
}

describe("LINEAR as PS3.3 C.11.2.1.2.1 works it out", () => {
  test("centre 2048 and width 4096 spread 0 to 4095 over the whole range", () => {
    expect(linear(0, 2048, 4096)).toBe(0);
    expect(linear(4095, 2048, 4096)).toBe(1);
    expect(linear(4095.1, 2048, 4096)).toBe(1);
    expect(linear(2048, 2048, 4096)).toBeCloseTo((2048 - 2047.5) / 4095 + 0.5, 15);
  });

  test("centre 2048 and width 1 make a threshold at 2047.5", () => {
    expect(linear(2047, 2048, 1)).toBe(0);
    expect(linear(2047.5, 2048, 1)).toBe(0);
    expect(linear(2048, 2048, 1)).toBe(1);
  });

  test("centre 0 and width 100 begin at -50 and end at 49", () => {
    expect(linear(-50, 0, 100)).toBe(0);
    expect(linear(-49, 0, 100)).toBeCloseTo(1 / 99, 12);
    expect(linear(49, 0, 100)).toBe(1);
  });

  test("centre 0 and width 1 split at -0.5", () => {
    expect([-1, -0.5, 0].map((x) => linear(x, 0, 1))).toEqual([0, 0, 1]);
  });
});

test("LINEAR_EXACT reaches its limits half a width from its centre", () => {
  expect([-50, 0, 50].map((x) => linearExact(x, 0, 100))).toEqual([0, 0.5, 1]);
  expect(linearExact(-25, 0, 100)).toBe(0.25);
});

test("SIGMOID is the logistic function with a slope of one width", () => {
  expect(sigmoid(40, 40, 400)).toBe(0.5);
  expect(sigmoid(140, 40, 400)).toBeCloseTo(1 / (1 + Math.exp(-1)), 15);
  expect(sigmoid(-1e6, 40, 400)).toBe(0);
});

describe("the table of every stored value", () => {
  test("shows 8-bit pixels as they are under the window 128 / 256", () => {
    const grey = greys("uint8", {});
    expect([0, 1, 127, 128, 255].map(grey)).toEqual([0, 1, 127, 128, 255]);
  });

  test("rescales signed values before it windows them", () => {
    const grey = greys("int16", {
      modality: { type: "linear", slope: 2, intercept: -1024 },
      voi: window("LINEAR_EXACT", 0, 200),
    });
    expect([462, 512, 562, -32768, 32767].map(grey)).toEqual([0, 128, 255, 0, 255]);
  });

  test("reaches both ends of unsigned 16 bits", () => {
    const grey = greys("uint16", { voi: window("LINEAR_EXACT", 32767.5, 65535) });
    expect([0, 65535].map(grey)).toEqual([0, 255]);
  });

  test("takes a Modality LUT before the VOI LUT", () => {
    const grey = greys("uint8", { modality: lut(10, 16, 3, 5), voi: lut(3, 8, 0, 100, 255) });
    expect([0, 10, 11, 200].map(grey)).toEqual([0, 0, 255, 255]);
    expect(modalityValue(lut(10, 16, 3, 5), 99)).toBe(5);
  });

  test("repeats a VOI LUT's ends, and scales its bits to the display's", () => {
    const grey = greys("uint16", { voi: lut(100, 10, 0, 512, 1023) });
    expect([0, 100, 101, 102, 60000].map(grey)).toEqual([0, 0, 128, 255, 255]);
  });

  test("turns MONOCHROME1 round, and back when the reader inverts it", () => {
    expect(greys("uint8", { presentation: { inverse: true } })(10)).toBe(245);
    expect(greys("uint8", { presentation: { inverse: true }, inverted: true })(10)).toBe(10);
  });

  test("sends the VOI's output through a Presentation LUT", () => {
    const grey = greys("uint8", { presentation: { lut: { bits: 8, values: words(0, 10, 255) } } });
    expect([0, 128, 255].map(grey)).toEqual([0, 10, 255]);
  });
});

describe("every entry is what the formula says, wherever the window lies", () => {
  const formulas = { LINEAR: linear, LINEAR_EXACT: linearExact, SIGMOID: sigmoid };
  const windows = [
    window("LINEAR", 40, 400), window("LINEAR", 0, 1), window("LINEAR", 1e6, 10), window("LINEAR", -1e6, 10),
    window("LINEAR_EXACT", -1000, 0.5), window("LINEAR_EXACT", 64000, 3), window("LINEAR_EXACT", 0, 1e7),
    window("SIGMOID", 40, 400),
  ];
  const lines = [[1, -1024], [-1, 100], [0.001, -5], [1000, 0], [0, 7]] as const;

  test.each(windows)("$function $center / $width", (voi) => {
    for (const [slope, intercept] of lines) {
      const { values } = displayTable("int16", {
        modality: { type: "linear", slope, intercept }, voi, presentation: {}, inverted: false,
      });
      const formula = (stored: number) => formulas[voi.function](stored * slope + intercept, voi.center, voi.width);
      const expected = Uint8Array.from(values, (_, i) => Math.floor(formula(i - 32768) * 255 + 0.5));
      expect(values.findIndex((grey, i) => grey !== expected[i])).toBe(-1);
    }
  });

  test("a coarse table is known where the window ends between two values", () => {
    const of = (voi: Window) =>
      displayTable("uint16", { modality: IDENTITY, voi, presentation: {}, inverted: false }).isCoarse;
    expect([of(window("LINEAR", 1000, 1)), of(window("LINEAR", 65535, 10)), of(window("LINEAR", 1000, 2000))])
      .toEqual([true, true, false]);
  });
});

describe("the table over an interval, for 32 bits and floats", () => {
  test.each(["LINEAR", "LINEAR_EXACT", "SIGMOID"] as const)("agrees with %s to a grey", (name) => {
    const functions = { LINEAR: linear, LINEAR_EXACT: linearExact, SIGMOID: sigmoid };
    const modality = { type: "linear", slope: 0.001, intercept: -5 } as const;
    const grey = greys("float32", { modality, voi: window(name, 2, 10) });
    for (let stored = -2000; stored < 15000; stored += 37) {
      const exact = functions[name](stored * 0.001 - 5, 2, 10) * 255;
      expect(Math.abs((grey(stored) ?? NaN) - exact)).toBeLessThan(0.51);
    }
  });

  test("shows what lies beyond the window black and white", () => {
    const grey = greys("int32", { voi: window("LINEAR", 0, 1) });
    expect([-5, -1, 0, 7].map(grey)).toEqual([0, 0, 255, 255]);
  });

  test("falls with the stored value when the slope is negative", () => {
    const modality = { type: "linear", slope: -1, intercept: 100 } as const;
    const grey = greys("float32", { modality, voi: window("LINEAR_EXACT", 50, 100) });
    expect([0, 50, 100].map(grey)).toEqual([255, 128, 0]);
  });
});

test("a supplemental palette colours the values from its first one on", () => {
  const table = displayTable("uint8", {
    modality: IDENTITY, voi: window("LINEAR", 128, 256), presentation: {}, inverted: false,
    palette: { first: 200, colours: btoa("\u0001\u0002\u0003\u0004\u0005\u0006") },
  });
  const at = (value: number) => [...table.values.subarray(value * 3, value * 3 + 3)];
  expect([at(199), at(200), at(201), at(255)]).toEqual([[199, 199, 199], [1, 2, 3], [4, 5, 6], [4, 5, 6]]);
});
