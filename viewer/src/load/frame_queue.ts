/** Loads frames in the order in which viewports want them, a few at a time. */

import { isAbort } from "../api/client";
import type { Frame } from "../image/frame";
import type { FrameCache } from "./frame_cache";

/** A frame that somebody wants: its key and how to get it. */
export interface WantedFrame {
  readonly key: string;
  readonly load: (signal: AbortSignal) => Promise<Frame>;
}

/** What became of a frame. */
export interface QueueListener {
  loaded(key: string): void;
  failed(key: string, reason: string): void;
}

/** Frames that are under way and are no longer among the first so many wanted are given up. */
const KEEP_UNDER_WAY = 24;

export class FrameQueue {
  private readonly wanted = new Map<unknown, readonly WantedFrame[]>();
  private readonly running = new Map<string, AbortController>();
  private readonly failures = new Map<string, string>();
  /** Loaded since somebody last said what they want. */
  private readonly served = new Set<string>();

  /** @param parallel requests at a time; a browser opens six connections to a host. */
  constructor(
    private readonly cache: FrameCache,
    private readonly listener: QueueListener,
    private readonly parallel = 5,
  ) {}

  /** Say what a viewport wants now, the most urgent first; replaces what it wanted before. */
  want(viewport: unknown, frames: readonly WantedFrame[]): void {
    this.wanted.set(viewport, frames);
    this.served.clear();
    this.abortUnwanted();
    this.fill();
  }

  /** A viewport wants nothing any more. */
  leave(viewport: unknown): void {
    this.want(viewport, []);
    this.wanted.delete(viewport);
  }

  /** Why a frame could not be loaded, if it could not. */
  failure(key: string): string | undefined {
    return this.failures.get(key);
  }

  /** Try once more what has failed. */
  retry(key: string): void {
    this.failures.delete(key);
    this.fill();
  }

  /** All lists interleaved, so that every viewport gets its first frame before anyone's second. */
  private *interleaved(): Generator<WantedFrame> {
    const lists = [...this.wanted.values()];
    const longest = Math.max(0, ...lists.map((list) => list.length));
    for (let rank = 0; rank < longest; rank++) {
      for (const list of lists) {
        const frame = list[rank];
        if (frame) yield frame;
      }
    }
  }

  private abortUnwanted(): void {
    if (this.running.size === 0) return;
    const urgent = new Set<string>();
    for (const { key } of this.interleaved()) {
      if (urgent.size >= KEEP_UNDER_WAY) break;
      urgent.add(key);
    }
    for (const [key, controller] of this.running) {
      if (!urgent.has(key)) controller.abort();
    }
  }

  /** The very first frame has the way to itself: somebody waits for it, and it shows how fast it is. */
  private get places(): number {
    return this.cache.size === 0 && this.failures.size === 0 ? 1 : this.parallel;
  }

  private fill(): void {
    if (this.running.size >= this.places) return;
    for (const frame of this.interleaved()) {
      if (this.running.size >= this.places) return;
      if (this.isDue(frame.key)) void this.start(frame);
    }
  }

  /** Whether to load a frame now. What has left a full cache again is not chased in circles. */
  private isDue(key: string): boolean {
    const known = [this.cache, this.running, this.failures, this.served];
    return !known.some((place) => place.has(key));
  }

  private async start({ key, load }: WantedFrame): Promise<void> {
    const controller = new AbortController();
    this.running.set(key, controller);
    try {
      this.cache.put(key, await load(controller.signal));
      this.served.add(key);
      this.listener.loaded(key);
    } catch (error) {
      if (!isAbort(error)) this.fail(key, error);
    } finally {
      this.running.delete(key);
      this.fill();
    }
  }

  private fail(key: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.failures.set(key, reason);
    this.listener.failed(key, reason);
  }
}
