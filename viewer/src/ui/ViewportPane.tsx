import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Sketch } from "../render/sketch";
import { Gestures } from "../viewer/gestures";
import type { Stage } from "../viewer/stage";
import type { Viewport } from "../viewer/viewport";
import { seriesKey, type Workspace } from "../viewer/workspace";
import { videoUrl } from "../api/client";
import { Annotations } from "./Annotations";
import { Icon } from "./icons";
import { SERIES_TYPE } from "./SeriesStrip";
import { StackBar } from "./StackBar";
import { Videos } from "./Videos";

export interface PaneProps {
  readonly workspace: Workspace;
  readonly stage: Stage;
  readonly viewport: Viewport;
}

/** A length in device pixels: the browser's word for it, unless that leaves the page's scale out. */
function devicePixels(told: number | undefined, length: number): number {
  const scaled = length * devicePixelRatio;
  return told !== undefined && Math.abs(told - scaled) < 2 ? told : Math.round(scaled);
}

/** Tells a viewport the device pixels of its canvas, as exactly as the browser knows them. */
function observeSize(element: HTMLElement, viewport: Viewport): () => void {
  const tell = (box?: ResizeObserverSize) => {
    const width = devicePixels(box?.inlineSize, element.clientWidth);
    const height = devicePixels(box?.blockSize, element.clientHeight);
    const { width: known, height: knownHeight } = viewport.size.peek();
    if (width === known && height === knownHeight) return;
    if (width > 0 && height > 0) viewport.size.value = { width, height };
  };
  tell(); // the observer speaks only when the page is painted
  const observer = new ResizeObserver(([entry]) => tell(entry?.devicePixelContentBoxSize?.[0]));
  try {
    observer.observe(element, { box: "device-pixel-content-box" });
  } catch {
    observer.observe(element);
  }
  return () => observer.disconnect();
}

function Message({ workspace, stage, viewport }: PaneProps) {
  const content = viewport.content.value;
  const failure = viewport.failure.value;
  if (content.kind === "empty" && workspace.state.value.kind === "ready") {
    return <p class="pane-message">Drag a series here</p>;
  }
  if (content.kind === "undisplayable" && content.videos?.length) {
    const { study, series, videos } = content;
    return <Videos key={seriesKey(study, series)} urls={videos.map((uid) => videoUrl(study, series, uid))} />;
  }
  if (content.kind === "undisplayable") {
    return (
      <div class="pane-message">
        <p>{content.description || "This series"} has no images to show.</p>
        {workspace.panel.value !== "tags" && (
          <button type="button" class="button" onClick={() => (workspace.panel.value = "tags")}>
            Show its DICOM tags
          </button>
        )}
      </div>
    );
  }
  if (content.kind === "failed") {
    const again = () => void workspace.showSeries(viewport, content.study, content.series);
    return (
      <div class="pane-message" role="alert">
        <p><Icon name="warning" /> {content.reason}</p>
        <button type="button" class="button" onClick={again}>Try again</button>
      </div>
    );
  }
  if (failure === null) return null;
  return (
    <div class="pane-message" role="alert">
      <p><Icon name="warning" /> Image {viewport.wanted.value + 1} cannot be shown: {failure}</p>
      <button type="button" class="button" onClick={() => stage.retry(viewport)}>Try again</button>
    </div>
  );
}

/** The mark that an image is on its way; it comes late, so that a fast one is not announced. */
function Loading({ viewport }: { viewport: Viewport }) {
  const shown = viewport.shown.value;
  const waiting =
    viewport.content.value.kind === "loading" ||
    (viewport.count.value > 0 && viewport.failure.value === null && shown?.index !== viewport.wanted.value);
  if (!waiting) return null;
  return <span class="loading" role="status"><span class="visually-hidden">Loading</span></span>;
}

function label(viewport: Viewport): string {
  const series = viewport.series.value;
  const place = `Viewport ${viewport.id + 1}`;
  if (!series) return `${place}, empty`;
  return `${place}, ${series.modality} ${series.description}, image ${viewport.wanted.value + 1} of ${viewport.count.value}`;
}

export function ViewportPane({ workspace, stage, viewport }: PaneProps) {
  const pane = useRef<HTMLElement>(null);
  const image = useRef<HTMLCanvasElement>(null);
  const sketch = useRef<HTMLDivElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const dropping = useSignal(false);
  // Before the page is painted: the first image need not wait for that.
  useLayoutEffect(() => {
    if (!pane.current || !image.current || !sketch.current || !overlay.current) return;
    const ends = [
      // First, for it asks for the image, and the size makes the browser lay out the page.
      stage.attach(viewport, {
        image: image.current,
        sketch: new Sketch(sketch.current),
        overlay: overlay.current,
      }),
      observeSize(image.current, viewport),
      new Gestures(workspace, viewport, pane.current).listen(),
    ];
    return () => ends.forEach((end) => end());
  }, [viewport]);
  const onDrop = (event: DragEvent) => {
    dropping.value = false;
    const dragged = event.dataTransfer?.getData(SERIES_TYPE);
    if (!dragged) return;
    event.preventDefault();
    const { study, series } = JSON.parse(dragged) as { study: string; series: string };
    workspace.activate(viewport);
    void workspace.showSeries(viewport, study, series);
  };
  const onDragOver = (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes(SERIES_TYPE)) return;
    event.preventDefault();
    dropping.value = true;
  };
  const active = workspace.active.value === viewport && workspace.visible.value.length > 1;
  return (
    <section
      ref={pane}
      class={`viewport tool-${workspace.tool.value} ${active ? "active" : ""} ${dropping.value ? "dropping" : ""}`}
      tabIndex={0}
      data-viewport={viewport.id}
      aria-label={label(viewport)}
      onFocus={() => workspace.activate(viewport)}
      onDblClick={(event) => {
        if (!(event.target as Element).closest("button, [role=slider]")) workspace.toggleMaximised(viewport);
      }}
      onDragOver={onDragOver}
      onDragLeave={() => {
        dropping.value = false;
      }}
      onDrop={onDrop}
    >
      <canvas ref={image} class="image" />
      <div ref={sketch} class="sketch" hidden />
      <canvas ref={overlay} class="overlay" hidden />
      <Annotations workspace={workspace} viewport={viewport} />
      <StackBar stage={stage} viewport={viewport} />
      <Loading viewport={viewport} />
      <Message workspace={workspace} stage={stage} viewport={viewport} />
    </section>
  );
}
