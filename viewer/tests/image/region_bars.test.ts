import { expect, test } from "vitest";
import type { Region } from "../../src/api/model";
import { type Affine, apply, invert } from "../../src/image/geometry";
import { regionBars } from "../../src/image/region_bars";

const CANVAS = { width: 1000, height: 800 };
const IDENTITY: Affine = { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 };

function region(left: number, top: number, right: number, bottom: number, mm: number | readonly [number, number] | null): Region {
  return { left, top, right, bottom, spacing: typeof mm === "number" ? [mm, mm] : mm };
}

const bars = (regions: Region[], toCanvas = IDENTITY, ratio = 1) => regionBars(regions, toCanvas, CANVAS, ratio);

test("each region has the bar of its own scale, within its own edges", () => {
  const regions = [region(0, 100, 500, 700, 0.5), region(500, 100, 1000, 700, 0.25)];
  const [one, other] = bars(regions);
  expect([one?.label, other?.label]).toEqual(["5 cm", "2 cm"]);
  expect([one?.pixels, other?.pixels]).toEqual([100, 80]);
  expect([one?.x, other?.x]).toEqual([250, 750]);
  expect([one?.y, other?.y].every((y) => y !== undefined && y > 100 && y < 700)).toBe(true);
});

test("where an axis is no length there is no bar", () => {
  expect(bars([region(0, 0, 1000, 800, null)])).toEqual([]);
  expect(bars([])).toEqual([]);
});

test("a bar keeps away from another region that lies over its own", () => {
  // An electrocardiogram at the foot of a heart.
  const heart = region(200, 100, 800, 700, 0.2);
  const [free] = bars([heart]);
  const [moved] = bars([heart, region(200, 600, 800, 700, null)]);
  expect(free?.y).toBe(690);
  expect(moved?.y).toBe(132);
  expect(bars([heart, region(190, 100, 800, 700, null)])).toHaveLength(1); // around it, not over it
  expect(bars([heart, region(200, 100, 800, 700, null)])).toEqual([]); // nobody knows which is seen
});

test("a region in one of the same scale needs no bar of its own", () => {
  const tissue = region(100, 0, 900, 800, 0.3);
  expect(bars([tissue, region(400, 300, 600, 500, 0.3)])).toHaveLength(1);
  expect(bars([tissue, tissue])).toHaveLength(1);
});

test("what is seen of a region has the bar, and a region out of sight has none", () => {
  const zoomedIn: Affine = { a: 4, b: 0, c: 0, d: 4, e: -1500, f: -1000 };
  const [bar, ...others] = bars([region(0, 0, 500, 800, 0.5), region(500, 0, 1000, 800, 0.1)], zoomedIn);
  expect(others).toHaveLength(1);
  expect(bar).toMatchObject({ label: "2 cm", pixels: 160, x: 250 });
  expect(bars([region(0, 0, 300, 200, 0.5)], zoomedIn)).toEqual([]);
  expect(bars([region(0, 0, 40, 40, 0.5)])).toEqual([]); // too small for one
});

test("a turned image is measured along what lies across the screen", () => {
  const turned: Affine = { a: 0, b: 1, c: -1, d: 0, e: 800, f: 0 };
  const [bar] = bars([region(0, 0, 800, 800, [0.2, 0.1])], turned);
  expect(bar?.label).toBe("2 cm");
  const from = apply(invert(turned), { x: 0, y: 0 });
  const to = apply(invert(turned), { x: bar?.pixels ?? 0, y: 0 });
  expect(Math.hypot((to.x - from.x) * 0.1, (to.y - from.y) * 0.2)).toBeCloseTo(20, 9);
});

test("bars grow with the screen's pixels, not with their number", () => {
  const doubled: Affine = { ...IDENTITY, a: 2, d: 2 };
  const [one] = bars([region(0, 0, 500, 400, 0.5)]);
  const [two] = regionBars([region(0, 0, 500, 400, 0.5)], doubled, { width: 2000, height: 1600 }, 2);
  expect(two).toEqual({ label: one?.label, pixels: 2 * (one?.pixels ?? 0), x: 2 * (one?.x ?? 0), y: 2 * (one?.y ?? 0) });
});
