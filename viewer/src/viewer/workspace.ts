/** What is open: studies, layout, viewports, and the tools in the reader's hands. */

import { batch, computed, signal } from "@preact/signals";
import { fetchSeries, fetchStudy, isNotThere, isUid } from "../api/client";
import type { SeriesDisplay, SeriesSummary, StudyContents } from "../api/model";
import { EarlyFrame } from "../load/early_frame";
import type { EncodingPolicy } from "../load/fetch_frame";
import { withThumbnails } from "./thumbnails";
import { type Content, Viewport } from "./viewport";

export type Tool = "window" | "pan" | "zoom" | "scroll";

export interface Layout {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
}

export const LAYOUTS: readonly Layout[] = [
  { name: "1 × 1", rows: 1, columns: 1 },
  { name: "1 × 2", rows: 1, columns: 2 },
  { name: "2 × 1", rows: 2, columns: 1 },
  { name: "2 × 2", rows: 2, columns: 2 },
];

export type Panel = "none" | "tags";

export type OpenState =
  | { readonly kind: "loading" }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "ready" };

/** Milliseconds for which a page waits for its first image, so that both are painted at once. */
const PATIENCE = 200;

/** What nobody looks at while it is asked for anew is given up after so many milliseconds, and asked for again. */
const LONGEST_WAIT = 30_000;

/** The series that a viewport has of a study, if any. */
function seriesOf(content: Content, study: string): string | null {
  if (content.kind === "empty") return null;
  const of = content.kind === "images" ? content.series : content;
  return of.study === study ? of.series : null;
}

/** Names a series among those of all open studies, which may share Series Instance UIDs. */
export function seriesKey(study: string, series: string): string {
  return `${study}/${series}`;
}

export class Workspace {
  readonly state = signal<OpenState>({ kind: "loading" });
  readonly studies = signal<readonly StudyContents[]>([]);
  /** Why others of the studies that were asked for are not here, by Study Instance UID. */
  readonly missing = signal<ReadonlyMap<string, string>>(new Map());
  /** UIDs of the studies that were asked for, here or not, and of the series that was. */
  asked: readonly string[] = [];
  private askedSeries: string | null = null;
  readonly layout = signal<Layout>(LAYOUTS[0] as Layout);
  readonly viewports = [0, 1, 2, 3].map((id) => new Viewport(id));
  readonly activeIndex = signal(0);
  /** The viewport that fills the layout's place alone, while one does. */
  readonly maximised = signal<number | null>(null);
  readonly tool = signal<Tool>("window");
  /** What one finger does; follows the tool once the reader has chosen one. */
  readonly touchTool = signal<Tool>("scroll");
  readonly interpolation = signal(true);
  readonly overlays = signal(true);
  readonly cornerText = signal(true);
  readonly panel = signal<Panel>("none");
  readonly help = signal(false);
  private earlyFrame: EarlyFrame | null = null;
  /** Series, as they were, that are being loaded anew. */
  private readonly renewing = new WeakSet<SeriesDisplay>();

  /** The viewports that the layout shows. */
  readonly visible = computed(() => {
    const only = this.maximised.value;
    if (only !== null) return this.viewports.slice(only, only + 1);
    const { rows, columns } = this.layout.value;
    return this.viewports.slice(0, rows * columns);
  });

  readonly active = computed(() => this.viewports[this.activeIndex.value] as Viewport);

  /** Whether the first image has been drawn, or cannot be; what can wait waits for this. */
  readonly firstDrawn = signal(false);

  /** Whether nobody waits for a first image any more. */
  readonly settledIn = computed(() => {
    if (this.firstDrawn.value) return true;
    const { kind } = this.active.value.content.value;
    return kind !== "images" && kind !== "loading" && this.state.value.kind !== "loading";
  });

  private readonly isPatient = signal(false);

  /** Whether there is nothing to be seen yet, and nobody has waited for long. */
  readonly isBlank = computed(() => this.isPatient.value && this.state.value.kind === "loading");

  /** Whether the page has its tools: they come after the first image, unless that takes long. */
  readonly hasTools = computed(() => !this.isPatient.value || this.settledIn.value);

  /** Series of all open studies, in display order. */
  readonly series = computed(() =>
    this.studies.value.flatMap(({ study, series }) =>
      series.map((summary) => ({ study: study.uid, summary })),
    ),
  );

  /** Whether the open studies are not all of one patient, so that each must say whose it is. */
  readonly ofSeveralPatients = computed(() => {
    const patients = this.studies.value.map(({ study }) => `${study.patientName}\n${study.patientId}`);
    return new Set(patients).size > 1;
  });

  /**
   * Open studies, and show the wanted (else the first displayable) series.
   *
   * @param encoding how frames are asked for; one that comes early is raw.
   */
  async open(
    studyUids: readonly string[],
    seriesUid: string | null,
    encoding: EncodingPolicy = "automatic",
  ): Promise<void> {
    this.state.value = { kind: "loading" };
    this.asked = studyUids.filter(isUid);
    this.askedSeries = seriesUid;
    const patience = this.bePatient();
    const [only, ...others] = studyUids;
    const comesEarly = others.length === 0 && encoding !== "htj2k";
    if (only && comesEarly) this.earlyFrame = new EarlyFrame(only, seriesUid);
    const early = this.openEarly(studyUids, seriesUid);
    const results = await Promise.allSettled(
      studyUids.map((uid, i) => fetchStudy(uid, i === 0 && !seriesUid)),
    );
    const found = results.flatMap((r) => (r.status === "fulfilled" ? [r.value] : []));
    const missing = reasonsOf(studyUids, results);
    if (found.length === 0) {
      const [reason = "No study was asked for"] = missing.values();
      this.state.value = { kind: "failed", reason };
      return;
    }
    await Promise.race([Promise.all([early, this.earlyFrame?.arrived]), patience]);
    // In this order: the first image is asked for before the page is painted anew.
    const shown = batch(() => {
      this.studies.value = found;
      this.missing.value = missing;
      this.state.value = { kind: "ready" };
      return early ?? this.showFirst(seriesUid, found[0]?.display);
    });
    await shown;
    if (early) this.describe(this.viewports[0] as Viewport);
  }

  /** Say of a series without images what its study knows, which may have come after it. */
  private describe(viewport: Viewport): void {
    const content = viewport.content.value;
    if (content.kind !== "undisplayable") return;
    const { study, series } = content;
    if (this.summaryOf(study, series)?.displayable === false) void this.showSeries(viewport, study, series);
  }

  /** Wait a while for what is being opened. */
  private async bePatient(): Promise<void> {
    this.isPatient.value = true;
    await new Promise((resolve) => setTimeout(resolve, PATIENCE));
    this.isPatient.value = false;
  }

  /** The frame that was asked for together with the study, for the first image that is loaded. */
  takeEarlyFrame(): EarlyFrame | null {
    const early = this.earlyFrame;
    this.earlyFrame = null;
    return early;
  }

  /** With study and series both named by the URL, the series need not wait for the study. */
  private openEarly(studyUids: readonly string[], seriesUid: string | null): Promise<void> | null {
    const [study, ...others] = studyUids;
    if (!study || others.length > 0 || !seriesUid) return null;
    return this.showSeries(this.active.value, study, seriesUid);
  }

  private async showFirst(seriesUid: string | null, display?: SeriesDisplay | null): Promise<void> {
    if (display && display.images.length > 0) {
      this.active.value.open(display);
      return;
    }
    const all = this.series.value;
    const first =
      all.find(({ summary }) => summary.uid === seriesUid) ??
      all.find(({ summary }) => summary.displayable) ??
      all[0];
    if (first) await this.showSeries(this.active.value, first.study, first.summary.uid);
  }

  private summaryOf(study: string, series: string): SeriesSummary | undefined {
    const key = seriesKey(study, series);
    return this.series.value.find((one) => seriesKey(one.study, one.summary.uid) === key)?.summary;
  }

  /** Put a series into a viewport. */
  async showSeries(
    viewport: Viewport,
    study: string,
    series: string,
    signal?: AbortSignal,
  ): Promise<void> {
    const summary = this.summaryOf(study, series);
    if (summary && !summary.displayable) {
      const description = [summary.modality, summary.description].filter(Boolean).join(" · ");
      const { videos } = summary;
      viewport.say({ kind: "undisplayable", study, series, description, ...(videos && { videos }) });
      return;
    }
    const loading: Content = { kind: "loading", study, series };
    viewport.say(loading);
    const stillWanted = () => viewport.content.peek() === loading;
    try {
      const display = await fetchSeries(study, series, signal);
      if (!stillWanted()) return;
      if (display.images.length > 0) viewport.open(display);
      else viewport.say({ kind: "undisplayable", study, series, description: display.description });
    } catch (error) {
      if (stillWanted()) viewport.say({ kind: "failed", study, series, reason: (error as Error).message });
    }
  }

  /** Load a series anew, because objects of it have been replaced, wherever it is shown as it was. */
  async renewSeries(outdated: SeriesDisplay): Promise<void> {
    try {
      await this.reload(outdated);
    } catch (error) {
      const { study, series } = outdated;
      for (const viewport of this.showing(outdated)) {
        viewport.say({ kind: "failed", study, series, reason: (error as Error).message });
      }
    }
  }

  private showing(series: SeriesDisplay): Viewport[] {
    return this.viewports.filter((each) => each.series.peek() === series);
  }

  /** @returns whether the series was asked for; not while it already is being. */
  private async reload(outdated: SeriesDisplay): Promise<boolean> {
    if (this.renewing.has(outdated)) return false;
    if (this.showing(outdated).length === 0) return true;
    this.renewing.add(outdated);
    const { study, series } = outdated;
    try {
      const display = await fetchSeries(study, series, AbortSignal.timeout(LONGEST_WAIT));
      if (JSON.stringify(display) === JSON.stringify(outdated)) return true;
      for (const viewport of this.showing(outdated)) {
        if (display.images.length > 0) viewport.renew(display);
        else viewport.say({ kind: "undisplayable", study, series, description: display.description });
      }
      return true;
    } finally {
      this.renewing.delete(outdated);
    }
  }

  /**
   * Take over what has arrived in a study that was asked for, or has been replaced or deleted there.
   *
   * @param onlyGrew whether objects have come, and none has been replaced or deleted.
   * @returns whether all of it could be had; where not, what is open stays.
   */
  async refresh(study: string, onlyGrew = false): Promise<boolean> {
    let is: StudyContents;
    try {
      is = await fetchStudy(study, false, AbortSignal.timeout(LONGEST_WAIT));
    } catch (error) {
      if (!isNotThere(error)) return false;
      this.drop(study, (error as Error).message);
      return true;
    }
    const was = this.studies.peek().find((contents) => contents.study.uid === study);
    this.take(withThumbnails(is, was, onlyGrew));
    return this.follow(was, is);
  }

  /** Put a study, as it is now, in its place among those that were asked for. */
  private take(is: StudyContents): void {
    const { uid } = is.study;
    const others = this.studies.peek().filter((contents) => contents.study.uid !== uid);
    const place = ({ study }: StudyContents) => this.asked.indexOf(study.uid);
    const missing = new Map(this.missing.peek());
    missing.delete(uid);
    batch(() => {
      this.studies.value = [...others, is].sort((one, other) => place(one) - place(other));
      this.missing.value = missing;
      if (this.state.peek().kind === "failed") this.state.value = { kind: "ready" };
    });
  }

  /** Let the viewports show what there is of a study now; @returns whether all of it could be had. */
  private async follow(was: StudyContents | undefined, is: StudyContents): Promise<boolean> {
    const study = is.study.uid;
    const has = (contents: StudyContents | undefined, series: string) =>
      contents?.series.some((each) => each.uid === series) ?? false;
    const outdated = new Set<SeriesDisplay>();
    const others: Promise<void>[] = [];
    for (const viewport of this.viewports) {
      const content = viewport.content.peek();
      const uid = seriesOf(content, study);
      if (uid === null) continue;
      if (content.kind === "images" && has(is, uid)) outdated.add(content.series);
      // What failed is not tried for ever, but where it has come, or come back.
      else if (content.kind !== "failed" || (has(is, uid) && !has(was, uid))) {
        others.push(this.showSeries(viewport, study, uid, AbortSignal.timeout(LONGEST_WAIT)));
      }
    }
    if (this.viewports.every((viewport) => viewport.content.peek().kind === "empty")) {
      others.push(this.showFirst(this.askedSeries));
    }
    const reloads = [...outdated].map((series) => this.reload(series).catch(() => false));
    await Promise.all(others);
    return (await Promise.all(reloads)).every(Boolean);
  }

  /** Put away a study that is not in the archive, for as long as it is not. */
  private drop(study: string, reason: string): void {
    batch(() => {
      this.studies.value = this.studies.peek().filter((contents) => contents.study.uid !== study);
      this.missing.value = new Map(this.missing.peek()).set(study, reason);
      for (const viewport of this.viewports) {
        const content = viewport.content.peek();
        const series = seriesOf(content, study);
        if (series !== null && content.kind !== "failed") viewport.say({ kind: "failed", study, series, reason });
      }
      if (this.studies.peek().length === 0) this.state.value = { kind: "failed", reason };
    });
  }

  /** Key of the series that a viewport shows or is about to show. */
  seriesIn(viewport: Viewport): string | null {
    const content = viewport.content.value;
    if (content.kind === "empty") return null;
    const { study, series } = content.kind === "images" ? content.series : content;
    return seriesKey(study, series);
  }

  /** Go to the next (or previous) series in the active viewport. */
  stepSeries(step: 1 | -1): void {
    const all = this.series.value;
    const current = this.seriesIn(this.active.value);
    const at = all.findIndex(({ study, summary }) => seriesKey(study, summary.uid) === current);
    const next = all[at + step];
    if (next) void this.showSeries(this.active.value, next.study, next.summary.uid);
  }

  /** Change the layout; viewports that appear take the series that nobody shows yet. */
  setLayout(layout: Layout): void {
    this.maximised.value = null;
    this.layout.value = layout;
    if (this.activeIndex.value >= layout.rows * layout.columns) this.activeIndex.value = 0;
    this.fillEmpty();
  }

  private fillEmpty(): void {
    const taken = new Set(this.visible.value.map((viewport) => this.seriesIn(viewport)));
    const free = this.series.value.filter(
      ({ study, summary }) => summary.displayable && !taken.has(seriesKey(study, summary.uid)),
    );
    for (const viewport of this.visible.value) {
      if (viewport.content.value.kind !== "empty") continue;
      const next = free.shift();
      if (next) void this.showSeries(viewport, next.study, next.summary.uid);
    }
  }

  activate(viewport: Viewport): void {
    this.activeIndex.value = viewport.id;
  }

  /** Make the next (or previous) viewport the active one. */
  stepViewport(step: 1 | -1): void {
    const { rows, columns } = this.layout.value;
    const count = rows * columns;
    if (this.maximised.value !== null) this.maximised.value = null;
    this.activeIndex.value = (this.activeIndex.value + step + count) % count;
  }

  toggleMaximised(viewport: Viewport): void {
    const { rows, columns } = this.layout.value;
    if (rows * columns === 1) return;
    this.maximised.value = this.maximised.value === null ? viewport.id : null;
    this.activeIndex.value = viewport.id;
  }

  chooseTool(tool: Tool): void {
    this.tool.value = tool;
    this.touchTool.value = tool;
  }

  /** Leave, one at a time, what lies on top: help, cine, panel, maximised viewport. */
  escape(): void {
    if (this.help.value) this.help.value = false;
    else if (this.active.value.playing.value) this.active.value.playing.value = false;
    else if (this.panel.value !== "none") this.panel.value = "none";
    else this.maximised.value = null;
  }
}

function reasonsOf(
  studies: readonly string[],
  results: readonly PromiseSettledResult<unknown>[],
): Map<string, string> {
  return new Map(
    results.flatMap((result, i) =>
      result.status === "rejected" ? [[studies[i] ?? "", String((result.reason as Error).message)]] : [],
    ),
  );
}
