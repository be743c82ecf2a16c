import { expect, test } from "vitest";
import { imageToCanvas, invert, flippedHorizontally, RESET_VIEW, rotated, type View } from "../../src/image/geometry";
import { directionLetters, edgeLetters, sliceLocation } from "../../src/image/orientation";

const AXIAL = [1, 0, 0, 0, 1, 0];
const SAGITTAL = [0, 1, 0, 0, 0, -1];
const CORONAL = [1, 0, 0, 0, 0, -1];

function letters(orientation: number[], view: View = RESET_VIEW) {
  const shape = { columns: 64, rows: 64, pixelHeight: 1 };
  const toImage = invert(imageToCanvas(view, shape, { width: 300, height: 200 }));
  const found = edgeLetters(orientation, toImage, 1);
  return found && `${found.left} ${found.right} ${found.top} ${found.bottom}`;
}

test("the planes have the letters that radiologists know", () => {
  expect(letters(AXIAL)).toBe("R L A P");
  expect(letters(SAGITTAL)).toBe("A P H F");
  expect(letters(CORONAL)).toBe("R L H F");
});

test("letters turn and mirror with the image", () => {
  expect(letters(AXIAL, rotated(RESET_VIEW, 90))).toBe("P A R L");
  expect(letters(AXIAL, flippedHorizontally(RESET_VIEW))).toBe("L R A P");
});

test("an oblique direction names its strongest axis first and leaves weak ones out", () => {
  expect(directionLetters([0.8, 0.6, 0])).toBe("LP");
  expect(directionLetters([-0.5, 0.1, 0.86])).toBe("HR");
});

test("an image without a plane has no letters", () => {
  expect(letters([])).toBeNull();
  expect(letters([0, 0, 0, 0, 0, 0])).toBeNull();
});

test("slice location is the position along the plane's normal", () => {
  expect(sliceLocation(AXIAL, [-100, -100, 42.5])).toBe(42.5);
  expect(sliceLocation(SAGITTAL, [7, 0, 0])).toBe(-7);
  expect(sliceLocation(null, [0, 0, 0])).toBeNull();
});
