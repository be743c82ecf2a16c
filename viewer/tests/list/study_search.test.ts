import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StudySearch } from "../../src/list/study_search";
import { EMPTY_QUERY } from "../../src/viewer/address";
import { Line, page } from "../line";

beforeEach(() => {
  Line.all = [];
  vi.stubGlobal("EventSource", Line);
  vi.stubGlobal("document", page);
  vi.useFakeTimers();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("studies that arrive all the time do not take a slow server's answers away", async () => {
  vi.stubGlobal("fetch", (_: string, { signal }: { signal: AbortSignal }) =>
    new Promise<Response>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
      setTimeout(() => resolve(new Response(JSON.stringify({ total: 0, studies: [] }))), 3000);
    }),
  );
  const search = new StudySearch(() => undefined);
  const end = search.start(EMPTY_QUERY);
  for (let i = 0; i < 20; i++) {
    Line.open[0]?.tell("change", { study: "1.1" });
    await vi.advanceTimersByTimeAsync(300);
  }
  expect(search.answer.value).not.toBeNull();
  end();
});

test("which page is shown is said of the answer, not of what is asked for", async () => {
  vi.stubGlobal("fetch", async () => {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return new Response(JSON.stringify({ total: 112, studies: [] }));
  });
  const search = new StudySearch(() => undefined);
  const end = search.start(EMPTY_QUERY);
  await vi.advanceTimersByTimeAsync(1000);
  search.goToPage(2);
  await vi.advanceTimersByTimeAsync(500);
  expect(search.answered.value.page).toBe(1);
  await vi.advanceTimersByTimeAsync(500);
  expect(search.answered.value.page).toBe(2);
  end();
});
