/** The study list's state: what is asked, what was answered, and what has arrived since. */

import { batch, signal } from "@preact/signals";
import { ChangeFeed, type LineState } from "../api/change_feed";
import { fetchStudies, isAbort, PAGE_SIZE } from "../api/client";
import type { Study, StudyPage, StudyQuery, StudySortKey } from "../api/model";
import { EMPTY_QUERY, FILTERS } from "../viewer/address";

/** Typing pauses this many milliseconds before it is searched for. */
const TYPING = 250;
/** While studies arrive, the list is asked again at most this often. */
const REFRESH = 1000;
/** How long a study that has just arrived stays marked. */
const FRESH = 8000;

export class StudySearch {
  readonly query = signal<StudyQuery>(EMPTY_QUERY);
  readonly answer = signal<StudyPage | null>(null);
  /** The query that the answer is of. */
  readonly answered = signal<StudyQuery>(EMPTY_QUERY);
  readonly loading = signal(false);
  readonly error = signal<string | null>(null);
  readonly live = signal<LineState>("connecting");
  /** UIDs of studies that appeared while the list was open. */
  readonly fresh = signal<ReadonlySet<string>>(new Set());
  private request: AbortController | null = null;
  /** UIDs of studies that have changed since the list was asked for. */
  private told = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private refreshTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly feed = new ChangeFeed({
    changed: (study) => {
      if (study !== null) this.told.add(study);
      this.refreshSoon();
    },
    line: (state) => {
      this.live.value = state;
    },
  });

  /** @param changed hears of every query that is searched for. */
  constructor(private readonly changed: (query: StudyQuery) => void) {}

  /** Begin with a query, and listen for studies that arrive. */
  start(query: StudyQuery): () => void {
    this.query.value = query;
    void this.search();
    const deaf = this.feed.start();
    return () => {
      deaf();
      this.stop();
    };
  }

  private stop(): void {
    this.request?.abort();
    clearTimeout(this.timer);
    clearTimeout(this.refreshTimer);
  }

  /** Change what is searched for; what is typed waits for a pause. */
  filter(change: Partial<StudyQuery>, wait = TYPING): void {
    this.query.value = { ...this.query.value, ...change, page: 1 };
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.submit(), wait);
  }

  /** Search now for what has been typed. */
  submit(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.changed(this.query.value);
    void this.search();
  }

  clear(): void {
    const { sort, descending } = this.query.value;
    this.filter({ ...EMPTY_QUERY, sort, descending }, 0);
  }

  /** Whether the studies on show are not yet, or may not be, those that are searched for. */
  get isPending(): boolean {
    return this.timer !== undefined || this.loading.peek();
  }

  /** Whether any filter is set. */
  get isFiltered(): boolean {
    return FILTERS.some((name) => this.query.value[name].trim() !== "");
  }

  /** Sort by a key; by the same key again means the other way round. */
  sortBy(sort: StudySortKey): void {
    const query = this.query.value;
    const newestFirst = sort === "studyDate" || sort === "instanceCount";
    const descending = query.sort === sort ? !query.descending : newestFirst;
    this.query.value = { ...query, sort, descending, page: 1 };
    this.submit();
  }

  get pages(): number {
    return Math.max(1, Math.ceil((this.answer.value?.total ?? 0) / PAGE_SIZE));
  }

  /** Go to a page; beyond the ends means the end. @returns whether that is another one. */
  goToPage(page: number): boolean {
    const within = Math.min(Math.max(page, 1), this.pages);
    if (within === this.query.value.page) return false;
    this.query.value = { ...this.query.value, page: within };
    this.submit();
    return true;
  }

  /** Ask the server; an answer that comes after a newer question is dropped. */
  async search(arrival = false): Promise<void> {
    this.request?.abort();
    const request = (this.request = new AbortController());
    this.loading.value = true;
    const query = this.query.value;
    try {
      const answer = await fetchStudies(query, request.signal);
      batch(() => {
        if (arrival) this.markFresh(answer.studies);
        this.answer.value = answer;
        this.answered.value = query;
        this.error.value = null;
      });
      if (this.query.value.page > this.pages) this.goToPage(this.pages);
    } catch (error) {
      if (!isAbort(error)) this.error.value = (error as Error).message;
    } finally {
      if (this.request === request) this.loading.value = false;
    }
  }

  /** Mark what has arrived; what those that arrived pushed over from the page before has not. */
  private markFresh(studies: readonly Study[]): void {
    const known = new Set(this.answer.value?.studies.map(({ uid }) => uid));
    const fresh = studies.map(({ uid }) => uid).filter((uid) => this.told.has(uid) && !known.has(uid));
    this.told.clear();
    if (fresh.length === 0) return;
    this.fresh.value = new Set([...this.fresh.value, ...fresh]);
    setTimeout(() => {
      this.fresh.value = new Set([...this.fresh.value].filter((uid) => !fresh.includes(uid)));
    }, FRESH);
  }

  private refreshSoon(): void {
    this.refreshTimer ??= setTimeout(() => {
      this.refreshTimer = undefined;
      // Never instead of a question under way: a slow server's answers would all be given up.
      if (this.loading.peek()) this.refreshSoon();
      else void this.search(true);
    }, REFRESH);
  }
}
