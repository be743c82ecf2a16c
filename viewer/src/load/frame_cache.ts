import type { Frame } from "../image/frame";

/** Frames kept in memory up to a number of bytes; the ones used longest ago leave first. */
export class FrameCache {
  private readonly frames = new Map<string, Frame>();
  private bytes = 0;

  /** @param capacity bytes of pixels to keep at most; a single frame may exceed it. */
  constructor(readonly capacity: number) {}

  /** A frame, which counts as used now. */
  get(key: string): Frame | undefined {
    const frame = this.frames.get(key);
    if (frame) {
      this.frames.delete(key);
      this.frames.set(key, frame);
    }
    return frame;
  }

  /** Whether a frame is here, without counting as use. */
  has(key: string): boolean {
    return this.frames.has(key);
  }

  put(key: string, frame: Frame): void {
    this.remove(key);
    this.frames.set(key, frame);
    this.bytes += frame.pixels.byteLength;
    for (const oldest of this.frames.keys()) {
      if (this.bytes <= this.capacity || oldest === key) break;
      this.remove(oldest);
    }
  }

  private remove(key: string): void {
    const frame = this.frames.get(key);
    if (!frame) return;
    this.bytes -= frame.pixels.byteLength;
    this.frames.delete(key);
  }

  get size(): number {
    return this.frames.size;
  }

  get usedBytes(): number {
    return this.bytes;
  }
}

/** Bytes of pixels to keep, by the memory that the browser admits to (at most 8 GB). */
export function cacheCapacity(deviceMemoryGigabytes: number | undefined): number {
  return Math.min(1024, Math.max(192, (deviceMemoryGigabytes ?? 4) * 128)) * 2 ** 20;
}
