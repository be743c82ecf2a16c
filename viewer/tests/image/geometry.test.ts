import { describe, expect, test } from "vitest";
import {
  apply, fitScale, flippedHorizontally, flippedVertically, imageToCanvas, invert, oneToOne, panned,
  pixelHeight, RESET_VIEW, rotated, scaleOf, type View, zoomed,
} from "../../src/image/geometry";

const shape = { columns: 200, rows: 100, pixelHeight: 1 };
const canvas = { width: 400, height: 400 };

function corners(view: View, columns = 200, rows = 100) {
  const m = imageToCanvas(view, { ...shape, columns, rows }, canvas);
  const at = (x: number, y: number) => {
    const point = apply(m, { x, y });
    return [Math.round(point.x), Math.round(point.y)];
  };
  return { topLeft: at(0, 0), topRight: at(columns, 0), bottomLeft: at(0, rows) };
}

test("an image fits its canvas and lies in the middle", () => {
  expect(corners(RESET_VIEW)).toEqual({ topLeft: [0, 100], topRight: [400, 100], bottomLeft: [0, 300] });
});

test("pixels higher than wide make the image higher", () => {
  expect(fitScale({ ...shape, pixelHeight: 4 }, canvas, 0)).toBe(1);
  expect(pixelHeight({ row: 2, column: 0.5 }, null)).toBe(4);
  expect(pixelHeight(null, [2, 1])).toBe(2);
  expect(pixelHeight(null, null)).toBe(1);
});

test("turning right brings the top left corner to the top right", () => {
  expect(corners(rotated(RESET_VIEW, 90))).toEqual({ topLeft: [300, 0], topRight: [300, 400], bottomLeft: [100, 0] });
});

test("mirroring acts on the screen, however the image is turned", () => {
  const turned = rotated(RESET_VIEW, 90);
  const across = corners(flippedHorizontally(turned));
  expect(across.topLeft).toEqual([100, 0]);
  const down = corners(flippedVertically(turned));
  expect(down.topLeft).toEqual([300, 400]);
});

test("a mirrored image turns right when it is turned right", () => {
  const mirrored = flippedHorizontally(RESET_VIEW);
  expect(corners(mirrored).topLeft).toEqual([400, 100]);
  expect(corners(rotated(mirrored, 90)).topLeft).toEqual([300, 400]);
});

test("four turns and two mirrorings change nothing", () => {
  let view: View = RESET_VIEW;
  for (let i = 0; i < 4; i++) view = rotated(view, 90);
  expect(flippedVertically(flippedVertically(view))).toEqual(RESET_VIEW);
});

describe("one to one", () => {
  test("gives every image pixel one device pixel, on canvases of odd size too", () => {
    for (const size of [{ width: 401, height: 333 }, { width: 90, height: 64 }]) {
      const view = oneToOne(RESET_VIEW);
      const m = imageToCanvas(view, shape, size);
      expect(m.a).toBeCloseTo(1, 12);
      expect([m.e, m.f].every(Number.isInteger)).toBe(true);
    }
  });

  test("stays so when the canvas or the image becomes another, and when it is turned or moved", () => {
    const moved = panned(rotated(oneToOne(RESET_VIEW), 90), shape, canvas, 10, -6);
    expect(scaleOf(moved, shape, { width: 300, height: 400 })).toBe(1);
    expect(scaleOf(moved, { ...shape, columns: 64 }, canvas)).toBe(1);
  });

  test("is where zooming goes on from", () => {
    expect(scaleOf(zoomed(oneToOne(RESET_VIEW), shape, canvas, 1.25), shape, canvas)).toBeCloseTo(1.25, 12);
  });
});

test("zooming keeps the point under the pointer where it is", () => {
  const at = { x: 50, y: 130 };
  const before = apply(invert(imageToCanvas(RESET_VIEW, shape, canvas)), at);
  const view = zoomed(RESET_VIEW, shape, canvas, 2.5, at);
  const after = apply(imageToCanvas(view, shape, canvas), before);
  expect(Math.abs(after.x - at.x)).toBeLessThanOrEqual(1);
  expect(Math.abs(after.y - at.y)).toBeLessThanOrEqual(1);
  expect(scaleOf(view, shape, canvas)).toBe(5);
});

test("panning moves the image with the pointer, also when turned and mirrored", () => {
  for (const view of [RESET_VIEW, rotated(flippedHorizontally(RESET_VIEW), 90)]) {
    const before = apply(imageToCanvas(view, shape, canvas), { x: 20, y: 30 });
    const after = apply(imageToCanvas(panned(view, shape, canvas, 10, -6), shape, canvas), { x: 20, y: 30 });
    expect([after.x - before.x, after.y - before.y]).toEqual([10, -6]);
  }
});

test("an inverted transformation leads back", () => {
  const m = imageToCanvas({ zoom: 1.7, centre: { x: 0.2, y: 0.9 }, rotation: 33, flipped: true }, shape, canvas);
  const there = apply(m, { x: 12.5, y: 77 });
  const back = apply(invert(m), there);
  expect(back.x).toBeCloseTo(12.5, 9);
  expect(back.y).toBeCloseTo(77, 9);
});
