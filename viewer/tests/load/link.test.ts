import { expect, test } from "vitest";
import { Link } from "../../src/load/link";

test("overlapping transfers share their time", () => {
  const link = new Link();
  link.begin(0);
  link.begin(0);
  link.end(100, 500_000);
  link.end(100, 500_000);
  expect(link.rate).toBe(10_000_000);
});

test("a link is not judged by a few bytes", () => {
  const link = new Link();
  link.begin(0);
  link.end(1000, 2000);
  expect(link.isSlow).toBe(false);
});

test("a link below its limit is slow", () => {
  const link = new Link(1000);
  link.begin(0);
  link.end(1_000_000, 500_000);
  expect(link.isSlow).toBe(true);
});
