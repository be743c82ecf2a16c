import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { SeriesDisplay, StudyContents } from "../../src/api/model";
import { followArchive } from "../../src/viewer/arrivals";
import { Workspace } from "../../src/viewer/workspace";
import { Line, page } from "../line";

const STUDY = { uid: "1.1", patientName: "Doe, Jane" };
const summary = { uid: "2.5", displayable: true };
const series = (...instances: string[]) => ({
  study: "1.1",
  series: "2.5",
  models: [{}],
  images: instances.map((instance) => ({ instance, version: "a", frame: 1, model: 0 })),
});

let end = () => {};
let asked: string[] = [];

/** A workspace with a study that follows an archive, whose answers the test gives. */
function follow(answer: (url: string) => Promise<Response>): Workspace {
  vi.stubGlobal("fetch", (url: string) => {
    asked.push(url);
    return answer(url);
  });
  const workspace = new Workspace();
  workspace.studies.value = [{ study: STUDY, series: [summary] } as unknown as StudyContents];
  workspace.active.value.open(series("3") as unknown as SeriesDisplay);
  workspace.state.value = { kind: "ready" };
  workspace.firstDrawn.value = true;
  end = followArchive(workspace);
  return workspace;
}

function whole(url: string): Response {
  const is = url.includes("/series/") ? series("3", "4") : { study: STUDY, series: [summary] };
  return new Response(JSON.stringify(is));
}

function tell(study: string): void {
  Line.open[0]?.tell("change", { study });
}

beforeEach(() => {
  Line.all = [];
  asked = [];
  vi.stubGlobal("EventSource", Line);
  vi.stubGlobal("document", page);
  vi.useFakeTimers();
});
afterEach(() => {
  end();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("what arrives in an open study, one by one, is asked for once a second", async () => {
  const workspace = follow(async (url) => whole(url));
  for (let i = 0; i < 10; i++) tell("1.1");
  tell("1.2");
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toEqual(["/api/studies/1.1", "/api/studies/1.1/series/2.5"]);
  expect(workspace.active.value.count.value).toBe(2);
});

test("a slow server is not asked again before it has answered and rested", async () => {
  let slow = true;
  follow(async (url) => {
    if (slow) await new Promise((resolve) => setTimeout(resolve, 3000));
    return whole(url);
  });
  for (let i = 0; i < 20; i++) {
    tell("1.1");
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(asked.length).toBeLessThanOrEqual(4);
  slow = false;
  await vi.advanceTimersByTimeAsync(30_000);
  expect(asked.length).toBeLessThanOrEqual(6);
});

test("what could not be had is asked for again, though nothing else changes", async () => {
  let busy = true;
  const workspace = follow(async (url) => {
    if (busy && url.includes("/series/")) return new Response(null, { status: 503 });
    return whole(url);
  });
  tell("1.1");
  await vi.advanceTimersByTimeAsync(2000);
  expect(workspace.active.value.count.value).toBe(1);
  busy = false;
  await vi.advanceTimersByTimeAsync(5000);
  expect(workspace.active.value.count.value).toBe(2);
  const before = asked.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked.length).toBe(before);
});

test("after a line that was broken, what was replaced meanwhile is taken over", async () => {
  const workspace = follow(async (url) => {
    const { images, ...rest } = series("3");
    const replaced = { ...rest, images: images.map((image) => ({ ...image, version: "b" })) };
    return url.includes("/series/") ? new Response(JSON.stringify(replaced)) : whole(url);
  });
  Line.open[0]?.tell("error");
  Line.open[0]?.tell("open");
  await vi.advanceTimersByTimeAsync(2000);
  expect(workspace.active.value.series.value?.images[0]?.version).toBe("b");
});

test("a series that several viewports show is asked for once", async () => {
  const workspace = follow(async (url) => whole(url));
  const shown = workspace.active.value.series.value as SeriesDisplay;
  for (const viewport of workspace.viewports) viewport.open(shown);
  tell("1.1");
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toHaveLength(2);
  expect(workspace.viewports.map((each) => each.count.value)).toEqual([2, 2, 2, 2]);
});
