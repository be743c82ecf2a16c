import { effect } from "@preact/signals";
import { expect, test } from "vitest";
import type { DisplayModel, SeriesDisplay } from "../../src/api/model";
import { cineRate, frameKey, Viewport } from "../../src/viewer/viewport";

const model = {
  rows: 4, columns: 4, format: "uint8", modality: { type: "linear", slope: 1, intercept: 0 }, voi: [],
  presentation: {}, padding: null, spacing: null, regions: [], orientation: null, axes: [], overlays: [], lossy: null,
  frameTime: null, recommendedFrameRate: null,
} as unknown as DisplayModel;

function series(images: number, change: Partial<DisplayModel> = {}): SeriesDisplay {
  const entries = Array.from({ length: images }, (_, i) => ({
    instance: `1.${i}`, frame: 1, model: 0, number: i, position: null, sopClass: "", window: null,
  }));
  return { study: "1", series: "2", models: [{ ...model, ...change }], images: entries } as unknown as SeriesDisplay;
}

test("scrolling stops at the ends of the stack", () => {
  const viewport = new Viewport(0);
  viewport.open(series(5));
  viewport.scroll(-3);
  expect(viewport.wanted.value).toBe(0);
  viewport.goTo(Infinity);
  expect(viewport.wanted.value).toBe(4);
});

test("cine begins anew at the end", () => {
  const viewport = new Viewport(0);
  viewport.open(series(3), 2);
  viewport.advance();
  expect(viewport.wanted.value).toBe(0);
});

test("a new series is shown as its objects want it", () => {
  const viewport = new Viewport(0);
  viewport.inverted.value = true;
  viewport.rotate(90);
  viewport.open(series(1));
  expect([viewport.inverted.value, viewport.view.value.rotation]).toEqual([false, 0]);
});

test("cine runs at the rate that the object asks for", () => {
  expect(cineRate(series(2, { recommendedFrameRate: 24 }))).toBe(24);
  expect(cineRate(series(2, { frameTime: 40 }))).toBe(25);
  expect(cineRate(series(2))).toBe(10);
});

test("whoever listens sees a new series with nothing of the old one", () => {
  const viewport = new Viewport(0);
  viewport.open(series(3), 2);
  viewport.shown.value = { index: 2 } as never;
  const seen: unknown[] = [];
  const end = effect(() => {
    seen.push([viewport.count.value, viewport.wanted.value, viewport.shown.value?.index ?? null]);
  });
  viewport.open(series(5));
  end();
  expect(seen).toEqual([[3, 2, 2], [5, 0, null]]);
});

test("images of two studies that share their UIDs are kept apart", () => {
  const one = series(1);
  const other = { ...one, study: "9" };
  const [image] = one.images as [(typeof one.images)[0]];
  expect(frameKey(one, image)).not.toBe(frameKey(other, image));
  expect(frameKey(one, image)).not.toBe(frameKey({ ...one, series: "9" }, image));
});
