/** A pool of workers that fetch and decode HTJ2K frames; made when first needed. */

import { ServerError } from "../api/client";
import type { DecodeAnswer, DecodeRequest } from "./htj2k.worker";

interface Waiting {
  resolve(pixels: ArrayBuffer): void;
  reject(error: unknown): void;
}

const waiting = new Map<number, Waiting>();
let workers: Worker[] | null = null;
let lastId = 0;

function receive({ data }: MessageEvent<DecodeAnswer>): void {
  const asked = waiting.get(data.id);
  waiting.delete(data.id);
  if ("pixels" in data) asked?.resolve(data.pixels);
  else asked?.reject(new ServerError(data.status, data.error));
}

function startWorker(): Worker {
  const worker = new Worker(new URL("./htj2k.worker.ts", import.meta.url), { type: "module" });
  worker.addEventListener("message", receive);
  return worker;
}

function workerFor(id: number): Worker {
  const count = Math.min(4, Math.max(1, (navigator.hardwareConcurrency || 2) - 1));
  workers ??= Array.from({ length: count }, startWorker);
  return workers[id % workers.length] as Worker;
}

/**
 * Fetch one HTJ2K frame and decode it in a worker.
 *
 * @returns the pixels in the frame's own format.
 * @throws ServerError where the server or the decoder refused; AbortError when given up.
 */
export function fetchHtj2k(url: string, signal: AbortSignal): Promise<ArrayBuffer> {
  const id = ++lastId;
  const worker = workerFor(id);
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    signal.addEventListener("abort", () => {
      if (!waiting.delete(id)) return;
      worker.postMessage({ id, url: null } satisfies DecodeRequest);
      reject(new DOMException("No longer wanted", "AbortError"));
    });
    worker.postMessage({ id, url } satisfies DecodeRequest);
  });
}
