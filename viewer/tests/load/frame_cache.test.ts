import { expect, test } from "vitest";
import { FrameCache } from "../../src/load/frame_cache";
import { frameFromBytes } from "../../src/image/frame";

const frame = (bytes: number) => frameFromBytes(new ArrayBuffer(bytes), 1, bytes, "uint8");

test("the frame used longest ago leaves first", () => {
  const cache = new FrameCache(30);
  for (const key of ["a", "b", "c"]) cache.put(key, frame(10));
  cache.get("a");
  cache.put("d", frame(10));
  expect(["a", "b", "c", "d"].filter((key) => cache.has(key))).toEqual(["a", "c", "d"]);
  expect(cache.usedBytes).toBe(30);
});

test("a frame larger than the cache is kept while nothing follows it", () => {
  const cache = new FrameCache(10);
  cache.put("large", frame(50));
  expect(cache.has("large")).toBe(true);
  cache.put("next", frame(5));
  expect(cache.has("large")).toBe(false);
});

test("a frame that comes again counts once", () => {
  const cache = new FrameCache(100);
  cache.put("a", frame(10));
  cache.put("a", frame(20));
  expect([cache.size, cache.usedBytes]).toEqual([1, 20]);
});
