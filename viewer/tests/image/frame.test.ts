import { expect, test } from "vitest";
import { frameFromBytes, valueRange } from "../../src/image/frame";

test("bytes become the values of their format", () => {
  const signed = frameFromBytes(new Int16Array([-1, 2]).buffer, 1, 2, "int16");
  expect([...signed.pixels]).toEqual([-1, 2]);
  const wide = frameFromBytes(new Uint32Array([4_000_000_000]).buffer, 1, 1, "uint32");
  expect([...wide.pixels]).toEqual([4_000_000_000]);
  const double = frameFromBytes(new Float64Array([0.5]).buffer, 1, 1, "float64");
  expect([...double.pixels]).toEqual([0.5]);
});

test("a frame of the wrong length is refused with what was expected", () => {
  expect(() => frameFromBytes(new ArrayBuffer(5), 2, 2, "uint16")).toThrow("5 bytes; 2 rows of 2 uint16 pixels have 8");
});

test("the range of values leaves padding out", () => {
  const frame = frameFromBytes(new Int16Array([-2000, 3, 9]).buffer, 1, 3, "int16");
  expect(valueRange(frame, { low: -2000, high: -2000 })).toEqual([3, 9]);
});
