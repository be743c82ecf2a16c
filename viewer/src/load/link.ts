/**
 * How fast the way to the server is, learnt from the frames that came over it.
 *
 * Raw frames cost nobody anything to make or to read; HTJ2K halves them, for some milliseconds of
 * work at each end and a decoder to load once. So it pays where bytes take longer than that.
 */
export class Link {
  private bytes = 0;
  private milliseconds = 0;
  private busySince: number | null = null;
  private running = 0;

  /** @param slow bytes a second below which the link counts as slow. */
  constructor(private readonly slow: number = SLOW_LINK) {}

  /** A transfer begins. Overlapping transfers share the time they take. */
  begin(now: number): void {
    if (this.running++ === 0) this.busySince = now;
  }

  /** A transfer of so many bytes (as sent, compressed or not) has ended. */
  end(now: number, bytes: number): void {
    this.bytes += bytes;
    if (--this.running === 0 && this.busySince !== null) {
      this.milliseconds += now - this.busySince;
      this.busySince = null;
    }
    if (this.bytes > MEMORY) {
      this.bytes /= 2;
      this.milliseconds /= 2;
    }
  }

  /** Bytes a second, or null while too little has been seen. */
  get rate(): number | null {
    if (this.bytes < ENOUGH || this.milliseconds <= 0) return null;
    return (this.bytes / this.milliseconds) * 1000;
  }

  /** Whether fewer bytes are worth more work. */
  get isSlow(): boolean {
    return this.rate !== null && this.rate < this.slow;
  }
}

/** 64 Mbit/s: where a 512 by 512 frame gains as long on the way as HTJ2K costs. */
export const SLOW_LINK = 8e6;
const ENOUGH = 128 * 1024;
/** Older transfers fade once this many bytes have been counted. */
const MEMORY = 16 * 2 ** 20;
