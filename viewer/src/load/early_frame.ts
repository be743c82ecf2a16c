/** The first frame of what is being opened, on its way together with its display model. */

import { fetchFirstFrame } from "../api/client";
import type { Link } from "./link";

export class EarlyFrame {
  private readonly controller = new AbortController();
  private answer: Promise<Response> | null;

  constructor(study: string, series: string | null) {
    this.answer = fetchFirstFrame(study, series, this.controller.signal);
    // Nobody may ask for it; and whoever does asks at the frame's own address, too.
    this.answer.catch(() => undefined);
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
      // Bytes that nobody reads would keep one of the few connections to the server.
      void response?.body?.cancel().catch(() => undefined);
      return null;
    }
    const bytes = await response.arrayBuffer().catch(() => null);
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
