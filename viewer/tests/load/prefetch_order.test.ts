import { expect, test } from "vitest";
import { prefetchOrder } from "../../src/load/prefetch_order";

test("two images ahead come for each one behind", () => {
  expect(prefetchOrder(5, 20, 1, 7)).toEqual([5, 6, 7, 4, 8, 9, 3]);
  expect(prefetchOrder(5, 20, -1, 4)).toEqual([5, 4, 3, 6]);
});

test("every image comes once, also from the ends", () => {
  for (const start of [0, 3, 9]) {
    expect(prefetchOrder(start, 10, 1, 100).toSorted((a, b) => a - b)).toEqual([...Array(10).keys()]);
  }
});

test("an empty series has nothing to load", () => {
  expect(prefetchOrder(0, 0, 1, 10)).toEqual([]);
});
