import { afterEach, expect, test, vi } from "vitest";
import { EarlyFrame } from "../../src/load/early_frame";
import { Link } from "../../src/load/link";

const PLACE = "/api/studies/1/series/2/instances/3/frames/1?encoding=raw&version=v";

function answering(response: () => Response | Promise<Response>) {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (url: string) => {
    asked.push(url);
    return Promise.resolve().then(response);
  });
  return asked;
}

const frame = () =>
  new Response(new Uint8Array([1, 2]), { headers: { "content-location": PLACE } });

afterEach(() => void vi.unstubAllGlobals());

test("the frame that was meant is there once", async () => {
  const asked = answering(frame);
  const early = new EarlyFrame("1", "2");
  expect(asked).toEqual(["/api/studies/1/first-frame?series=2"]);
  expect(await early.take(PLACE, new Link())).toEqual(new Uint8Array([1, 2]).buffer);
  expect(await early.take(PLACE, new Link())).toBeNull();
});

test("another frame, or another version of it, is not taken for it", async () => {
  answering(frame);
  expect(await new EarlyFrame("1", null).take(PLACE.replace("version=v", "version=w"), new Link())).toBeNull();
});

test("another frame's bytes are not left on the way", async () => {
  const cancelled = vi.fn();
  const body = new ReadableStream({ cancel: cancelled });
  answering(() => new Response(body, { headers: { "content-location": `${PLACE}w` } }));
  expect(await new EarlyFrame("1", null).take(PLACE, new Link())).toBeNull();
  expect(cancelled).toHaveBeenCalledOnce();
});

test("without an early frame nothing is said: it is asked for at its own address", async () => {
  answering(() => new Response(null, { status: 204 }));
  expect(await new EarlyFrame("1", null).take(PLACE, new Link())).toBeNull();
  answering(() => Promise.reject(new TypeError("no network")));
  expect(await new EarlyFrame("1", null).take(PLACE, new Link())).toBeNull();
});
