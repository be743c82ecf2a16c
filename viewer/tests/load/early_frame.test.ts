import { afterEach, expect, test, vi } from "vitest";
import { EarlyFrame } from "../../src/load/early_frame";
import { Link } from "../../src/load/link";

const PLACE = "/api/studies/1/series/2/instances/3/frames/1?encoding=raw&version=v";

const WANTED = new AbortController().signal;

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
  expect(await early.take(PLACE, new Link(), WANTED)).toEqual(new Uint8Array([1, 2]).buffer);
  expect(await early.take(PLACE, new Link(), WANTED)).toBeNull();
});

test("another frame, or another version of it, is not taken for it", async () => {
  answering(frame);
  expect(await new EarlyFrame("1", null).take(PLACE.replace("version=v", "version=w"), new Link(), WANTED)).toBeNull();
});

test("another frame's bytes are not left on the way", async () => {
  const given = vi.fn();
  vi.stubGlobal("fetch", (_: string, { signal }: RequestInit = {}) => {
    const body = new ReadableStream({
      start: (stream) => signal?.addEventListener("abort", () => {
        given();
        stream.error(signal.reason);
      }),
    });
    return Promise.resolve(new Response(body, { headers: { "content-location": `${PLACE}w` } }));
  });
  const early = new EarlyFrame("1", null);
  expect(await early.take(PLACE, new Link(), WANTED)).toBeNull();
  expect(given).toHaveBeenCalledOnce();
  await early.arrived;
}, 2000);

test("what is no longer wanted does not keep others waiting", async () => {
  vi.stubGlobal("fetch", (_: string, { signal }: RequestInit = {}) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    }),
  );
  const wanted = new AbortController();
  const taken = new EarlyFrame("1", null).take(PLACE, new Link(), wanted.signal);
  wanted.abort();
  expect(await taken).toBeNull();
}, 2000);

test("without an early frame nothing is said: it is asked for at its own address", async () => {
  answering(() => new Response(null, { status: 204 }));
  expect(await new EarlyFrame("1", null).take(PLACE, new Link(), WANTED)).toBeNull();
  answering(() => Promise.reject(new TypeError("no network")));
  expect(await new EarlyFrame("1", null).take(PLACE, new Link(), WANTED)).toBeNull();
});
