import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ChangeFeed } from "../../src/api/change_feed";
import { Line, page } from "../line";

function look(state: "visible" | "hidden"): void {
  page.visibilityState = state;
  page.dispatchEvent(new Event("visibilitychange"));
}

let ends: (() => void)[] = [];

function listen() {
  const told: (string | null)[] = [];
  const end = new ChangeFeed({ changed: (study) => told.push(study) }).start();
  ends.push(end);
  return { told, end };
}

beforeEach(() => {
  Line.all = [];
  page.visibilityState = "visible";
  vi.stubGlobal("EventSource", Line);
  vi.stubGlobal("document", page);
  vi.useFakeTimers();
});
afterEach(() => {
  for (const end of ends) end();
  ends = [];
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("the study that has changed is told", () => {
  const { told } = listen();
  Line.open[0]?.tell("open");
  Line.open[0]?.tell("change", { study: "1.2" });
  Line.open[0]?.tell("reset", {});
  expect(told).toEqual(["1.2", null]);
});

test("a page out of sight holds no connection, and asks for all when it is seen again", () => {
  const { told, end } = listen();
  Line.open[0]?.tell("open");
  look("hidden");
  expect(Line.open).toHaveLength(0);
  look("visible");
  expect(Line.open).toHaveLength(1);
  Line.open[0]?.tell("open");
  expect(told).toEqual([null]);
  end();
  look("visible");
  expect(Line.open).toHaveLength(0);
});

test("a page that is opened out of sight asks for all when it is first seen", () => {
  page.visibilityState = "hidden";
  const { told } = listen();
  expect(Line.open).toHaveLength(0);
  look("visible");
  Line.open[0]?.tell("open");
  expect(told).toEqual([null]);
});

test("a line that the server refuses is tried again", () => {
  const { told } = listen();
  Line.open[0]?.close();
  Line.all[0]?.tell("error");
  expect(Line.open).toHaveLength(0);
  vi.advanceTimersByTime(5000);
  Line.open[0]?.tell("open");
  expect(told).toEqual([null]);
});
