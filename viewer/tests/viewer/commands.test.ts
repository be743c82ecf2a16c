import { expect, test } from "vitest";
import { commandFor, COMMANDS } from "../../src/viewer/commands";

const press = (key: string, ctrlKey = false) => commandFor({ key, ctrlKey, altKey: false, metaKey: false })?.id;

test("no two commands share a key", () => {
  const keys = COMMANDS.flatMap((command) => command.keys);
  expect(new Set(keys).size).toBe(keys.length);
});

test("the usual keys do the usual things", () => {
  const usual = { z: "tool-zoom", "+": "zoom-in", "-": "zoom-out", "=": "fit", r: "rotate-right", l: "rotate-left",
    h: "flip-horizontal", v: "flip-vertical", i: "invert", c: "cine", " ": "reset", "7": "preset-7",
    PageDown: "next-series", Home: "first-image", F11: "full-screen", Escape: "escape", "?": "help" };
  for (const [key, id] of Object.entries(usual)) expect(press(key)).toBe(id);
});

test("a key counts with Caps Lock on, and not with Ctrl", () => {
  expect(press("I")).toBe("invert");
  expect(press("i", true)).toBeUndefined();
});
