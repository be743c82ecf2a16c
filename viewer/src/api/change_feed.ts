/** What happens in the archive, as the server tells it while it happens. */

export type LineState = "connecting" | "live" | "lost";

export interface ChangeListener {
  /** @param study the study that has changed; null where any may have. */
  changed(study: string | null): void;
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
    events.addEventListener("reset", () => this.listener.changed(null));
    events.addEventListener("change", ({ data }: MessageEvent<string>) => {
      this.listener.changed((JSON.parse(data) as { study: string }).study);
    });
  }

  private opened(): void {
    // What happened while there was no line has not been told.
    if (this.missed) this.listener.changed(null);
    this.missed = false;
    this.listener.line?.("live");
  }

  private failed(events: EventSource): void {
    this.missed = true;
    this.listener.line?.("lost");
    if (events.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    this.close();
    this.retry = setTimeout(() => this.open(), RETRY);
  }

  private close(): void {
    clearTimeout(this.retry);
    this.events?.close();
    this.events = null;
    this.missed = true;
  }
}
