import { expect, test } from "vitest";
import { frameFromBytes, type Frame } from "../../src/image/frame";
import { FrameCache } from "../../src/load/frame_cache";
import { FrameQueue, type WantedFrame } from "../../src/load/frame_queue";

/** Frames that load when told to. */
function bench(parallel: number, capacity = 1000) {
  const started: string[] = [];
  const aborted: string[] = [];
  const pending = new Map<string, { resolve(frame: Frame): void; reject(error: unknown): void }>();
  const events: string[] = [];
  const cache = new FrameCache(capacity);
  const queue = new FrameQueue(
    cache,
    { loaded: (key) => events.push(key), failed: (key, reason) => events.push(`${key}: ${reason}`) },
    parallel,
  );
  const wanted = (...keys: string[]): WantedFrame[] =>
    keys.map((key) => ({
      key,
      load: (signal) =>
        new Promise<Frame>((resolve, reject) => {
          started.push(key);
          pending.set(key, { resolve, reject });
          signal.addEventListener("abort", () => {
            aborted.push(key);
            reject(new DOMException("", "AbortError"));
          });
        }),
    }));
  const warm = async () => {
    queue.want("first", wanted("first"));
    await finish("first");
    queue.leave("first");
    started.length = events.length = 0;
  };
  const settle = () => new Promise((resolve) => setTimeout(resolve));
  const finish = async (key: string) => {
    pending.get(key)?.resolve(frameFromBytes(new ArrayBuffer(1), 1, 1, "uint8"));
    await settle();
  };
  const fail = async (key: string, reason: string) => {
    pending.get(key)?.reject(new Error(reason));
    await settle();
  };
  return { queue, warm, cache, wanted, started, aborted, events, finish, fail, settle };
}

test("the very first frame has the way to itself", async () => {
  const { queue, wanted, started, finish } = bench(2);
  queue.want("viewport", wanted("a", "b", "c"));
  expect(started).toEqual(["a"]);
  await finish("a");
  expect(started).toEqual(["a", "b", "c"]);
});

test("frames load in the order they are wanted, a few at a time", async () => {
  const { queue, warm, wanted, started, finish, events } = bench(2);
  await warm();
  queue.want("viewport", wanted("a", "b", "c"));
  expect(started).toEqual(["a", "b"]);
  await finish("b");
  expect(started).toEqual(["a", "b", "c"]);
  expect(events).toEqual(["b"]);
});

test("every viewport gets its first frame before anyone's second", () => {
  const { queue, wanted, started, finish } = bench(1);
  queue.want("one", wanted("a1", "a2"));
  queue.want("two", wanted("b1", "b2"));
  return finish("a1").then(() => expect(started).toEqual(["a1", "b1"]));
});

test("what is no longer wanted is given up and counts as no failure", async () => {
  const { queue, warm, wanted, aborted, events, settle } = bench(2);
  await warm();
  queue.want("viewport", wanted("a", "b"));
  queue.want("viewport", wanted("c", "b"));
  await settle();
  expect(aborted).toEqual(["a"]);
  expect(events).toEqual([]);
});

test("a failed frame is told, passed over, and loaded again on request", async () => {
  const { queue, wanted, started, fail, events } = bench(1);
  queue.want("viewport", wanted("a", "b"));
  await fail("a", "no such frame");
  expect(events).toEqual(["a: no such frame"]);
  expect(queue.failure("a")).toBe("no such frame");
  expect(started).toEqual(["a", "b"]);
  await fail("b", "neither");
  queue.retry("a");
  expect(started).toEqual(["a", "b", "a"]);
});

test("frames that do not fit the cache are loaded once, not round and round", async () => {
  const { queue, wanted, started, finish } = bench(1, 2);
  queue.want("viewport", wanted("a", "b", "c"));
  for (const key of ["a", "b", "c"]) await finish(key);
  expect(started).toEqual(["a", "b", "c"]);
});
