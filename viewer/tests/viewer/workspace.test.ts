import { afterEach, expect, test, vi } from "vitest";
import type { SeriesDisplay, StudyContents } from "../../src/api/model";
import type { Viewport } from "../../src/viewer/viewport";
import { seriesKey, Workspace } from "../../src/viewer/workspace";

const SERIES = "2.5";

function contents(study: string, displayable = true): StudyContents {
  const summary = { uid: SERIES, modality: "CT", description: study, displayable };
  return { study: { uid: study }, series: [summary] } as unknown as StudyContents;
}

function display(study: string): object {
  return { study, series: SERIES, models: [{}], images: [{ instance: "3", frame: 1, model: 0 }] };
}

/** Answers of the server, given when the test says so. */
function heldAnswers(): Map<string, () => void> {
  const answers = new Map<string, () => void>();
  vi.stubGlobal("fetch", (url: string) =>
    new Promise<Response>((resolve) => {
      const study = url.split("/")[3] ?? "";
      answers.set(study, () => resolve(new Response(JSON.stringify(display(study)))));
    }),
  );
  return answers;
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("of two studies that share a series UID, the one asked for last is shown", async () => {
  const answers = heldAnswers();
  const workspace = new Workspace();
  const viewport = workspace.active.value;
  const first = workspace.showSeries(viewport, "1.1", SERIES);
  const second = workspace.showSeries(viewport, "1.2", SERIES);
  answers.get("1.1")?.();
  await first;
  answers.get("1.2")?.();
  await second;
  expect(viewport.series.value?.study).toBe("1.2");
  expect(workspace.seriesIn(viewport)).toBe(seriesKey("1.2", SERIES));
});

test("a series without images in one study does not hide its namesake in another", async () => {
  const answers = heldAnswers();
  const workspace = new Workspace();
  workspace.studies.value = [contents("1.1", false), contents("1.2")];
  const shown = workspace.showSeries(workspace.active.value, "1.2", SERIES);
  answers.get("1.2")?.();
  await shown;
  expect(workspace.active.value.series.value?.study).toBe("1.2");
});

test("a series of which objects were replaced goes on at the same image, seen in the same way", async () => {
  const image = (instance: string, version: string) => ({ instance, version, frame: 1, model: 0 });
  const was = { study: "1.1", series: SERIES, models: [{}], images: [image("1", "a"), image("2", "a")] };
  const is = { ...was, images: [image("0", "a"), image("1", "a"), image("2", "b")] };
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify(is))));
  const workspace = new Workspace();
  const [first, second] = workspace.viewports as [Viewport, Viewport];
  const outdated = was as unknown as SeriesDisplay;
  first.open(outdated, 1);
  second.open({ ...outdated, study: "1.2" });
  first.inverted.value = true;
  await Promise.all([workspace.renewSeries(outdated), workspace.renewSeries(outdated)]);
  expect(first.series.value?.images[first.wanted.value]?.version).toBe("b");
  expect(first.inverted.value).toBe(true);
  expect(second.series.value?.study).toBe("1.2");
});

test("a series without images that the address names offers its videos, as from the strip", async () => {
  const { study, series } = contents("1.1", false);
  const withVideo = { study, series: [{ ...series[0], videos: ["3"] }] };
  vi.stubGlobal("fetch", async (url: string) => {
    if (url.includes("first-frame")) return new Response(null, { status: 204 });
    const answer = url.includes("/series/") ? { ...display("1.1"), images: [] } : withVideo;
    return new Response(JSON.stringify(answer));
  });
  const workspace = new Workspace();
  await workspace.open(["1.1"], SERIES);
  expect(workspace.active.value.content.value).toMatchObject({
    kind: "undisplayable",
    description: "CT · 1.1",
    videos: ["3"],
  });
});

test("a study that comes with its first display needs no further request", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (url: string) => {
    asked.push(url);
    return Promise.resolve(new Response(JSON.stringify({ ...contents("1.1"), display: display("1.1") })));
  });
  const workspace = new Workspace();
  await workspace.open(["1.1"], null);
  expect(asked).toEqual(["/api/studies/1.1/first-frame", "/api/studies/1.1?display=true"]);
  expect(workspace.active.value.series.value?.study).toBe("1.1");
  expect(workspace.settledIn.value).toBe(false);
  workspace.firstDrawn.value = true;
  expect(workspace.settledIn.value).toBe(true);
});

test("a page waits for its first image for a moment, and then is there without", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", () => new Promise<Response>(() => undefined));
  const workspace = new Workspace();
  void workspace.open(["1.1"], null);
  await vi.advanceTimersByTimeAsync(100);
  expect([workspace.isBlank.value, workspace.hasTools.value]).toEqual([true, false]);
  await vi.advanceTimersByTimeAsync(200);
  expect([workspace.isBlank.value, workspace.hasTools.value]).toEqual([false, true]);
});

test("the tools come after the first image, and stay", async () => {
  vi.stubGlobal("fetch", () =>
    Promise.resolve(new Response(JSON.stringify({ ...contents("1.1"), display: display("1.1") }))),
  );
  const workspace = new Workspace();
  await workspace.open(["1.1"], null);
  expect([workspace.isBlank.value, workspace.hasTools.value]).toEqual([false, false]);
  workspace.firstDrawn.value = true;
  expect(workspace.hasTools.value).toBe(true);
  workspace.active.value.say({ kind: "loading", study: "1.1", series: SERIES });
  expect(workspace.hasTools.value).toBe(true);
});

test("a study that cannot be had leaves the tools", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(null, { status: 404 })));
  const workspace = new Workspace();
  await workspace.open(["1.1"], null);
  expect([workspace.isBlank.value, workspace.hasTools.value]).toEqual([false, true]);
});

test("studies of several patients are told from several studies of one", () => {
  const workspace = new Workspace();
  const of = (patientId: string) => ({ study: { patientName: "Doe, Jane", patientId }, series: [] });
  workspace.studies.value = [of("1"), of("1")] as unknown as StudyContents[];
  expect(workspace.ofSeveralPatients.value).toBe(false);
  workspace.studies.value = [of("1"), of("2")] as unknown as StudyContents[];
  expect(workspace.ofSeveralPatients.value).toBe(true);
});

test("no frame is asked for early, raw as it would be, where all are to come as HTJ2K", () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (url: string) => {
    asked.push(url);
    return new Promise<Response>(() => undefined);
  });
  void new Workspace().open(["1.1"], null, "htj2k");
  expect(asked.filter((url) => url.includes("first-frame"))).toEqual([]);
  void new Workspace().open(["1.1"], null, "raw");
  expect(asked.filter((url) => url.includes("first-frame"))).toHaveLength(1);
});
