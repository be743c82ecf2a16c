import { afterEach, expect, test, vi } from "vitest";
import type { DisplayModel, ImageEntry, SeriesDisplay } from "../../src/api/model";
import { EarlyFrame } from "../../src/load/early_frame";
import { fetchFrame } from "../../src/load/fetch_frame";
import { Link } from "../../src/load/link";

const IMAGE = { instance: "3", frame: 1, version: "v", model: 0 } as ImageEntry;
const MODEL = { rows: 1, columns: 2, format: "uint8" } as DisplayModel;
const SERIES = { study: "1", series: "2", images: [IMAGE], models: [MODEL] } as unknown as SeriesDisplay;
const PLACE = "/api/studies/1/series/2/instances/3/frames/1?encoding=raw&version=v";

/** A server that sends these bytes early, and both pixels at the frame's own address. */
function sendingEarly(...bytes: number[]): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push(url);
    if (url === PLACE) return new Response(new Uint8Array([1, 2]));
    return new Response(new Uint8Array(bytes), { headers: { "content-location": PLACE } });
  });
  return asked;
}

function load() {
  const { signal } = new AbortController();
  return fetchFrame(SERIES, IMAGE, new Link(), "automatic", signal, new EarlyFrame("1", "2"));
}

afterEach(() => void vi.unstubAllGlobals());

test("a frame that came early is not asked for again", async () => {
  const asked = sendingEarly(7, 8);
  expect((await load()).pixels).toEqual(new Uint8Array([7, 8]));
  expect(asked).not.toContain(PLACE);
});

test("an early frame that was cut short is asked for again, at its own address", async () => {
  sendingEarly(1);
  expect((await load()).pixels).toEqual(new Uint8Array([1, 2]));
});
