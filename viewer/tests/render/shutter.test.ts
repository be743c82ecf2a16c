import { expect, test } from "vitest";
import { shutterPixels } from "../../src/render/shutter";

function runs(...lengths: number[]): string {
  return btoa(String.fromCharCode(...new Uint8Array(new Uint32Array(lengths).buffer)));
}

test("a shutter covers its runs with its colour and leaves the others clear", () => {
  const pixels = shutterPixels({ colour: [1, 2, 3], runs: runs(1, 2, 1) }, 4);
  const covered = [1, 2, 3, 255];
  const clear = [0, 0, 0, 0];
  expect([...pixels]).toEqual([...covered, ...clear, ...clear, ...covered]);
});

test("a shutter may begin with what is seen", () => {
  const pixels = shutterPixels({ colour: [9, 9, 9], runs: runs(0, 1, 1) }, 2);
  expect([...pixels]).toEqual([0, 0, 0, 0, 9, 9, 9, 255]);
});
