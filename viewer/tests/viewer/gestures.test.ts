import { expect, test } from "vitest";
import { pinchZoom, scrollStep, WheelCounter, wheelZoom } from "../../src/viewer/gestures";

test("a notch of a mouse wheel is one image, however far it claims to go", () => {
  const wheel = new WheelCounter();
  expect([100, 120, -100, 240].map((delta) => wheel.images(delta, 0))).toEqual([1, 1, -1, 1]);
  expect(wheel.images(3, 1)).toBe(1);
});

test("a touch pad's small movements add up", () => {
  const wheel = new WheelCounter();
  expect([15, 15, 15, 15, -10].map((delta) => wheel.images(delta, 0))).toEqual([0, 0, 1, 0, 0]);
});

test("dragging across a viewport goes through a long stack, and slowly through a short one", () => {
  expect(scrollStep(200, 800)).toBeCloseTo(3.2);
  expect(scrollStep(4, 800)).toBe(24);
});

test("a wheel that zooms magnifies by a notch as it reduces by the other, and less on a touch pad", () => {
  expect(wheelZoom(-120, 0) * wheelZoom(100, 0)).toBeCloseTo(1);
  expect(wheelZoom(-120, 0)).toBe(wheelZoom(-3, 1));
  expect(wheelZoom(-120, 0)).toBeGreaterThan(wheelZoom(-5, 0));
  expect(wheelZoom(-5, 0)).toBeGreaterThan(1);
  expect(wheelZoom(0, 0)).toBe(1);
});

test("fingers that pinch on a touch pad magnify as far as they go apart, an old driver's notch not wildly", () => {
  expect(pinchZoom(-100 * Math.log(1.1))).toBeCloseTo(1.1);
  expect(pinchZoom(100 * Math.log(1.1))).toBeCloseTo(1 / 1.1);
  expect(pinchZoom(-120)).toBeLessThan(2);
});
