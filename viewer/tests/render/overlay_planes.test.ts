import { expect, test } from "vitest";
import type { OverlayPlane } from "../../src/api/model";
import { overlayCorner, overlayPixels, overlayUrl } from "../../src/render/overlay_planes";

const plane = { index: 0, label: "", rows: 1, columns: 2, origin: [3, -4], type: "G", url: "/o/0" } as OverlayPlane;

test("set bits have a colour and the others none", () => {
  const pixels = overlayPixels(new Uint8Array([0, 1]));
  expect([pixels[3], pixels[7]]).toEqual([0, 230]);
});

test("an overlay's origin counts rows and columns from 1", () => {
  expect(overlayCorner(plane)).toEqual({ x: -5, y: 2 });
});

test("bits are asked for by frame", () => {
  expect(overlayUrl(plane, 2)).toBe("/o/0?frame=2");
});
