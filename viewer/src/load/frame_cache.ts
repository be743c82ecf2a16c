import type { Frame } from "../image/frame";
import { ByteCache } from "./byte_cache";

/** Frames kept in memory, counted by the bytes of their pixels. */
export class FrameCache extends ByteCache<Frame> {
  constructor(capacity: number) {
    super(capacity, ({ pixels }) => pixels.byteLength);
  }
}

/** Bytes of pixels to keep, by the memory that the browser admits to (at most 8 GB). */
export function cacheCapacity(deviceMemoryGigabytes: number | undefined): number {
  return Math.min(1024, Math.max(192, (deviceMemoryGigabytes ?? 4) * 128)) * 2 ** 20;
}
