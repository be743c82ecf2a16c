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
function follow(answer: (url: string, signal?: AbortSignal) => Promise<Response>): Workspace {
  vi.stubGlobal("fetch", (url: string, { signal }: RequestInit = {}) => {
    asked.push(url);
    return answer(url, signal ?? undefined);
  });
  const workspace = new Workspace();
  workspace.asked = ["1.1"];
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

function tell(study: string, action = "created"): void {
  Line.open[0]?.tell("change", { study, action });
}

/** Let time limits of requests run by the clock of the test. */
function limitByClock(): void {
  vi.spyOn(AbortSignal, "timeout").mockImplementation((milliseconds) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new DOMException("", "TimeoutError")), milliseconds);
    return controller.signal;
  });
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
  vi.restoreAllMocks();
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

test("what is not answered is given up after a while, and asked for again", async () => {
  limitByClock();
  let silent = true;
  const workspace = follow((url, signal) => {
    if (!silent || url.includes("/series/")) return Promise.resolve(whole(url));
    return new Promise((_, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason as Error));
    });
  });
  tell("1.1");
  await vi.advanceTimersByTimeAsync(5000);
  silent = false;
  await vi.advanceTimersByTimeAsync(45_000);
  expect(workspace.active.value.count.value).toBe(2);
});

test("a series that is not answered does not keep the next refresh waiting for ever", async () => {
  limitByClock();
  const workspace = follow((url, signal) => {
    if (!url.includes("/series/")) return Promise.resolve(whole(url));
    return new Promise((_, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason as Error));
    });
  });
  workspace.active.value.say({ kind: "loading", study: "1.1", series: "2.5" });
  tell("1.1");
  await vi.advanceTimersByTimeAsync(40_000);
  expect(workspace.active.value.content.value.kind).toBe("failed");
  const before = asked.length;
  tell("1.1");
  await vi.advanceTimersByTimeAsync(15_000);
  expect(asked.length).toBeGreaterThan(before);
});

test("a study that was deleted is there again when it is sent again", async () => {
  let isThere = false;
  const workspace = follow(async (url) => (isThere ? whole(url) : new Response(null, { status: 404 })));
  tell("1.1", "deleted");
  await vi.advanceTimersByTimeAsync(1000);
  expect(workspace.state.value.kind).toBe("failed");
  isThere = true;
  tell("1.1");
  await vi.advanceTimersByTimeAsync(2000);
  expect(workspace.state.value.kind).toBe("ready");
  expect(workspace.missing.value.size).toBe(0);
  expect(workspace.active.value.count.value).toBe(2);
});

test("a study that was not there when it was asked for appears when it arrives", async () => {
  let isThere = false;
  vi.stubGlobal("fetch", async (url: string) => (isThere ? whole(url) : new Response(null, { status: 404 })));
  const workspace = new Workspace();
  const opened = workspace.open(["1.1"], null);
  await vi.advanceTimersByTimeAsync(1000);
  await opened;
  end = followArchive(workspace);
  isThere = true;
  tell("1.1");
  await vi.advanceTimersByTimeAsync(2000);
  expect(workspace.active.value.count.value).toBe(2);
});

test("of several studies one that comes takes its place among those that were asked for", async () => {
  const workspace = follow(async (url) => {
    const uid = url.split("/")[3];
    return new Response(JSON.stringify({ study: { uid }, series: [] }));
  });
  workspace.asked = ["1.0", "1.1"];
  workspace.missing.value = new Map([["1.0", "study 1.0 is not in this archive"]]);
  tell("1.0");
  await vi.advanceTimersByTimeAsync(1000);
  expect(workspace.studies.value.map(({ study }) => study.uid)).toEqual(["1.0", "1.1"]);
  expect(workspace.missing.value.size).toBe(0);
});

test("a thumbnail is asked for again where its series has grown, and all where something was replaced", async () => {
  const counts = [3, 5];
  const workspace = follow(async () => {
    const all = counts.map((instanceCount, i) => ({ uid: `2.${i}`, instanceCount, thumbnail: `/${i}` }));
    return new Response(JSON.stringify({ study: STUDY, series: all }));
  });
  const shown = () => workspace.studies.value[0]?.series.map(({ thumbnail }) => thumbnail) ?? [];
  workspace.viewports.forEach((viewport) => viewport.say({ kind: "failed", study: "1.1", series: "2.9", reason: "" }));
  const seen: (readonly (string | null)[])[] = [];
  for (const [action, grown] of [["created", 4], ["created", 6], ["replaced", 6]] as const) {
    counts[0] = grown;
    tell("1.1", action);
    await vi.advanceTimersByTimeAsync(10_000);
    seen.push(shown());
  }
  const [first, second, third] = seen;
  expect(second?.[0]).not.toBe(first?.[0]);
  expect(second?.[1]).toBe(first?.[1]);
  expect(third?.[0]).not.toBe(second?.[0]);
  expect(third?.[1]).not.toBe(second?.[1]);
});
