import { afterEach, expect, test, vi } from "vitest";
import type { StudyContents } from "../../src/api/model";
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

afterEach(() => vi.unstubAllGlobals());

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

test("studies of several patients are told from several studies of one", () => {
  const workspace = new Workspace();
  const of = (patientId: string) => ({ study: { patientName: "Doe, Jane", patientId }, series: [] });
  workspace.studies.value = [of("1"), of("1")] as unknown as StudyContents[];
  expect(workspace.ofSeveralPatients.value).toBe(false);
  workspace.studies.value = [of("1"), of("2")] as unknown as StudyContents[];
  expect(workspace.ofSeveralPatients.value).toBe(true);
});
