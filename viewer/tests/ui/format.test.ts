import { expect, test } from "vitest";
import { counted, grouped } from "../../src/ui/format";

test("thousands stand apart, as English writes them", () => {
  for (const count of [0, 7, 999, 1000, 12345, 999999, 1234567]) {
    expect(grouped(count)).toBe(count.toLocaleString("en"));
  }
});

test("one is told from several", () => {
  expect([counted(1, "image"), counted(0, "image"), counted(2400, "image")]).toEqual(["1 image", "0 images", "2,400 images"]);
});
