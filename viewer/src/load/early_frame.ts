/** The first frame of what is being opened, on its way together with its display model. */

import { fetchFirstFrame } from "../api/client";
import type { Link } from "./link";

export class EarlyFrame {
  private readonly controller = new AbortController();
  private answer: Promise<Response> | null;
  private readonly bytes: Promise<ArrayBuffer | null>;

  constructor(study: string, series: string | null) {
    const answer = fetchFirstFrame(study, series, this.controller.signal);
    this.answer = answer;
    // Nobody may ask for it; and whoever does asks at the frame's own address, too.
    this.bytes = answer.then((response) => response.arrayBuffer()).catch(() => null);
  }

  /** Resolves once the frame is here, or will not come. */
  get arrived(): Promise<unknown> {
    return this.bytes;
  }

  /**
   * The bytes of a frame, if it is this one; they can be had once.
   *
   * @param url the raw frame's own address.
   * @param signal says that it is no longer wanted.
   */
  async take(url: string, link: Link, signal: AbortSignal): Promise<ArrayBuffer | null> {
    const answer = this.answer;
    this.answer = null;
    if (signal.aborted) this.controller.abort();
    signal.addEventListener("abort", () => this.controller.abort(), { once: true });
    const response = await answer?.catch(() => null);
    if (response?.headers.get("content-location") !== url) {
      // Bytes that nobody wants would keep one of the few connections to the server.
      if (response) this.controller.abort();
      return null;
    }
    const bytes = await this.bytes;
    if (bytes) teach(link, response.url);
    return bytes;
  }
}

/** The browser has noted when the bytes came, which may be before anybody here asked for them. */
function teach(link: Link, url: string): void {
  const timing = performance.getEntriesByName(url).at(-1) as PerformanceResourceTiming | undefined;
  if (!timing?.responseStart || !timing.responseEnd) return;
  link.begin(timing.responseStart);
  link.end(timing.responseEnd, timing.encodedBodySize);
}
