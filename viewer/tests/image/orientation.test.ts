import { expect, test } from "vitest";
import type { Axes } from "../../src/api/model";
import {
  flippedHorizontally, flippedVertically, imageToCanvas, invert, RESET_VIEW, rotated, type View,
} from "../../src/image/geometry";
import { directionLetters, edgeLetters, sliceLocation, viewedLetters } from "../../src/image/orientation";

const HUMAN = [["L", "R"], ["P", "A"], ["H", "F"]] as const;
const AXIAL = [1, 0, 0, 0, 1, 0];
const SAGITTAL = [0, 1, 0, 0, 0, -1];
const CORONAL = [1, 0, 0, 0, 0, -1];

function letters(orientation: number[], view: View = RESET_VIEW, axes: Axes = HUMAN) {
  const shape = { columns: 64, rows: 64, pixelHeight: 1 };
  const toImage = invert(imageToCanvas(view, shape, { width: 300, height: 200 }));
  const found = edgeLetters(orientation, axes, toImage, 1);
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

/** A chest from the front, taller than wide and of tall pixels: the patient's left is on the right. */
function chestLetters(view: View): string {
  const shape = { columns: 40, rows: 64, pixelHeight: 3 };
  const toImage = invert(imageToCanvas(view, shape, { width: 300, height: 200 }));
  const { left, right, top, bottom } = viewedLetters({ left: "R", right: "L", top: "HA", bottom: "FP" }, toImage);
  return `${left} ${right} ${top} ${bottom}`;
}

test("letters of an image without a plane turn and mirror with it", () => {
  const right = rotated(RESET_VIEW, 90);
  expect(chestLetters(RESET_VIEW)).toBe("R L HA FP");
  expect(chestLetters(right)).toBe("FP HA R L");
  expect(chestLetters(rotated(RESET_VIEW, 180))).toBe("L R FP HA");
  expect(chestLetters(rotated(RESET_VIEW, 270))).toBe("HA FP L R");
  expect(chestLetters(flippedHorizontally(RESET_VIEW))).toBe("L R HA FP");
  expect(chestLetters(flippedVertically(RESET_VIEW))).toBe("R L FP HA");
  expect(chestLetters(flippedHorizontally(right))).toBe("HA FP R L");
  expect(chestLetters(rotated(flippedHorizontally(RESET_VIEW), 90))).toBe("FP HA L R");
});

test("an edge of which nothing is known has no letters wherever it is turned", () => {
  const toImage = invert(imageToCanvas(rotated(RESET_VIEW, 90), { columns: 9, rows: 9, pixelHeight: 1 }, {
    width: 90,
    height: 90,
  }));
  expect(viewedLetters({ left: "", right: "D", top: "PR", bottom: "DI" }, toImage)).toEqual({
    left: "DI", right: "PR", top: "", bottom: "D",
  });
});

test("an oblique direction names its strongest axis first and leaves weak ones out", () => {
  expect(directionLetters([0.8, 0.6, 0], HUMAN)).toBe("LP");
  expect(directionLetters([-0.5, 0.1, 0.86], HUMAN)).toBe("HR");
});

test("an animal's plane has the animal's letters", () => {
  const trunk = [["LE", "RT"], ["D", "V"], ["CR", "CD"]] as const;
  expect(letters(AXIAL, RESET_VIEW, trunk)).toBe("RT LE V D");
  expect(letters(SAGITTAL, flippedHorizontally(RESET_VIEW), trunk)).toBe("D V CR CD");
});

test("a direction along an axis that has no name has no letters, not even its lesser ones", () => {
  const limb = [["LE", "RT"], null, null];
  expect(letters(AXIAL, RESET_VIEW, limb as unknown as Axes)).toBe("RT LE  ");
  expect(directionLetters([0.6, 0.8, 0], limb as unknown as Axes)).toBe("");
  expect(directionLetters([0.98, 0.2, 0], limb as unknown as Axes)).toBe("LE");
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
