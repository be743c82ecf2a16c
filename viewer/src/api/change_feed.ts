/** What happens in the archive, as the server tells it while it happens. */

export type LineState = "connecting" | "live" | "lost";

export interface ChangeListener {
  /**
   * @param study the study that has changed; null where any may have.
   * @param onlyGrew whether objects have come to it, and none has been replaced or deleted.
   */
  changed(study: string | null, onlyGrew: boolean): void;
  /** How the line to the server is. */
  line?(state: LineState): void;
}

/** A line that the server refused, which the browser then gives up, is tried again after so many milliseconds. */
const RETRY = 5000;

/**
 * Hears of changes while the page is in sight.
 *
 * A browser opens six connections to a server and no more, all of its tabs together. Each page that
 * nobody sees would hold one, and the seventh tab would wait for ever.
 */
export class ChangeFeed {
  private events: EventSource | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  /** Whether there has been a line that is gone. */
  private wasCut = false;

  /** @param missed whether something may have happened before the first line stands. */
  constructor(
    private readonly listener: ChangeListener,
    private missed = false,
  ) {}

  /** Begin to listen; @returns what ends it. */
  start(): () => void {
    const look = () => (document.visibilityState === "hidden" ? this.close() : this.open());
    document.addEventListener("visibilitychange", look);
    look();
    return () => {
      document.removeEventListener("visibilitychange", look);
      this.close();
    };
  }

  private open(): void {
    if (this.events) return;
    const events = (this.events = new EventSource("/api/events"));
    events.addEventListener("open", () => this.opened());
    events.addEventListener("error", () => this.failed(events));
    events.addEventListener("reset", () => this.listener.changed(null, false));
    events.addEventListener("change", ({ data }: MessageEvent<string>) => {
      const { study, action } = JSON.parse(data) as { study: string; action: string };
      this.listener.changed(study, action === "created");
    });
  }

  private opened(): void {
    // What happened while there was no line has not been told; before the first, hardly more than arrivals.
    if (this.missed) this.listener.changed(null, !this.wasCut);
    this.missed = false;
    this.listener.line?.("live");
  }

  private failed(events: EventSource): void {
    this.missed = this.wasCut = true;
    this.listener.line?.("lost");
    if (events.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    this.close();
    this.retry = setTimeout(() => this.open(), RETRY);
  }

  private close(): void {
    clearTimeout(this.retry);
    this.events?.close();
    this.events = null;
    this.missed = this.wasCut = true;
  }
}
